import { describe, expect, it, test } from 'vitest'
import type { ConnectorContext } from '../../guest/connector.ts'
import { createFakeWorld } from '../../hypervisor/fake/world.ts'
import { Progress } from '../../lib/progress.ts'
import { createFakeSeam } from '../../lib/testing/fake-seam.ts'
import { defaultLifecycle } from '../../spec/resolved-lifecycle.ts'
import { hostSpec } from '../../testing/specs.ts'
import { Session } from '../session.ts'
import { hypervisorsAbove, openLine } from './connect.ts'
import { farmServices, farmSpec, guestSpec, openFarm } from './testing.ts'

const hosts = [
  hostSpec(),
  hostSpec({ name: 'h1', guest: 'outer', uri: 'qemu+ssh://outer/system' }),
  hostSpec({ name: 'h2', guest: 'middle', uri: 'qemu+ssh://middle/system' }),
]
const spec = farmSpec(
  [
    guestSpec('outer', {}),
    guestSpec('middle', {}, {}, { host: 'h1' }),
    guestSpec('inner', {}, {}, { host: 'h2' }),
  ],
  { hosts },
)

test.each([
  ['inner', ['outer', 'middle']],
  ['middle', ['outer']],
  ['outer', []],
])('G9: %s is inside of %j', (name, wanted) => {
  const instance = spec.instances.find((each) => each.name === name)
  expect(instance && hypervisorsAbove(spec, instance)).toEqual(wanted)
})

describe('the line into a guest', () => {
  async function contextFor(jump: readonly string[]): Promise<ConnectorContext | undefined> {
    const world = createFakeWorld()
    const seam = createFakeSeam()
    const connection = { ...defaultLifecycle('/results').connection, kind: 'ssh', jump } as never
    const farm = farmSpec([guestSpec('gate', {}), guestSpec('web', {}, { connection })])
    await openFarm(farm, world, seam).run({ keepRunning: true })
    const progress = new Progress(seam)
    const services = farmServices({ fake: world }, seam)
    const instance = farm.instances[1]
    const mark = world.vms['web']?.mark
    if (instance === undefined || mark === undefined) throw new Error('there is no guest')
    let seen: ConnectorContext | undefined
    await using session = await Session.open(progress, farm, [instance], services.session)
    await openLine(progress, {
      spec: farm,
      instance,
      session,
      mark,
      services: {
        ...services,
        knownHosts: async () => '[bastion]:2222 ssh-ed25519 AAAA\n',
        connectorOf(context) {
          seen = context
          return services.connectorOf(context)
        },
      },
    })
    return seen
  }

  it('G5: leads through a guest of the spec with the login and the keys that it was given', async () => {
    const context = await contextFor(['gate'])
    expect(context?.jumps).toMatchObject([
      { user: 'debian', port: 22, address: expect.stringMatching(/^192\.168\.122\./) },
    ])
    expect(context?.jumps[0]?.hostKeys[0]).toMatch(/^ssh-/)
  })

  it('G5: leads through a host that is no guest with the keys that the person knows', async () => {
    const context = await contextFor(['me@bastion:2222'])
    expect(context?.jumps).toMatchObject([
      { user: 'me', address: 'bastion', port: 2222, hostKeys: ['ssh-ed25519 AAAA'] },
    ])
  })
})
