import { describe, expect, it } from 'vitest'
import { createFakeWorld, type FakeWorld } from '../hypervisor/fake/world.ts'
import { Progress } from '../lib/progress.ts'
import { readSecret } from '../lib/read-secret.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import type { ApplyRequest } from '../plan/plan.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { preview } from './operations.ts'
import { openBench, servicesFor } from './testing.ts'
import { plainRequest } from '../plan/plain-request.ts'

const { cloudInit } = instanceSpec('web-1')
const locked = (name: string, variable: string): InstanceSpec =>
  instanceSpec(name, {
    cloudInit: {
      ...cloudInit,
      user: { ...cloudInit.user, password: { kind: 'env', name: variable } },
      rootPassword: { kind: 'env', name: 'ROOT_PASSWORD' },
    },
  })
const spec = resolvedSpec([locked('web-1', 'WEB_PASSWORD'), locked('web-2', 'OTHER_PASSWORD')])

async function findingsOn(
  world: FakeWorld,
  request: Partial<ApplyRequest>,
  environment: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const services = {
    ...servicesFor(world),
    readSecret: (ref: Parameters<typeof readSecret>[0]) => readSecret(ref, environment),
  }
  const progress = new Progress(createFakeSeam({ seed: 5 }))
  const plan = await preview(
    progress,
    { spec, instances: spec.instances, services },
    { ...plainRequest, ...request },
  )
  expect(JSON.stringify(plan)).not.toContain('s3cret')
  return plan.findings.map(
    (found) => `${found.code} ${found.object} ${/[A-Z]+_PASSWORD/.exec(found.message)?.[0]}`,
  )
}

describe('secrets that cannot be read', () => {
  it('C15: are found before anything is done, all of them, at the stage preflight too', async () => {
    const all = [
      'secret.unavailable instance web-1 WEB_PASSWORD',
      'secret.unavailable instance web-1 ROOT_PASSWORD',
      'secret.unavailable instance web-2 OTHER_PASSWORD',
      'secret.unavailable instance web-2 ROOT_PASSWORD',
    ]
    expect(await findingsOn(createFakeWorld(), {})).toEqual(all)
    expect(await findingsOn(createFakeWorld(), { stage: 'preflight' })).toEqual(all)
    expect(
      await findingsOn(createFakeWorld(), {}, { ROOT_PASSWORD: 's3cret', WEB_PASSWORD: 's3cret' }),
    ).toEqual(['secret.unavailable instance web-2 OTHER_PASSWORD'])
  })

  it('C15: do not matter for machines that keep their seed', async () => {
    const world = createFakeWorld()
    await openBench(spec, world, createFakeSeam()).apply()
    expect(await findingsOn(world, {})).toEqual([])
    const root = { ROOT_PASSWORD: 's3cret' }
    const expected = ['secret.unavailable instance web-2 OTHER_PASSWORD']
    expect(await findingsOn(world, { reseed: new Set(['web-2']) }, root)).toEqual(expected)
    expect(await findingsOn(world, { replace: new Set(['web-2']) }, root)).toEqual(expected)
  })
})
