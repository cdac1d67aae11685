import { expect, it } from 'vitest'
import { composeServices } from './compose.ts'
import { quietProgress } from './images/testing/setup.ts'
import { hostSpec, resolvedSpec } from './testing/specs.ts'

it.each(['hyperv://node1', 'hyperv+http://node1:5985'])(
  'X5: a host with the URI %s is refused as one without a driver',
  async (uri) => {
    const services = composeServices(resolvedSpec([]), { environment: {}, homeDirectory: '/home/me' })
    await expect(services.openHost(quietProgress(), hostSpec({ uri }))).rejects.toMatchObject({
      code: 'host.no-driver',
    })
  },
)
