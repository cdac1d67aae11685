import { join } from 'node:path'
import { expect, test } from 'vitest'
import { preview } from '../engine/operations.ts'
import { servicesFor } from '../engine/testing.ts'
import { plainRequest } from '../plan/plain-request.ts'
import { createFakeWorld } from '../hypervisor/fake/world.ts'
import { Progress } from '../lib/progress.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { importFiles } from './import.ts'
import { loadImported, sampleReader, samples } from './testing.ts'

test.each([
  ['c', ['default'], '192.168.24.0/24', ['debian-12-a', 'debian-12-b', 'debian-13-a', 'debian-13-b']],
  ['k', [], '', ['boreas', 'notus', 'zephyrus']],
  [
    'g',
    ['default-net', 'default'],
    '10.0.0.0/8',
    [
      'VM-debian-12-amd64',
      'VM-debian-12-arm64',
      'VM-debian-13-amd64',
      'VM-debian-13-arm64',
      'VM-debian-12-lan',
    ],
  ],
])('X5: a plan of the sample files of %s makes its machines', async (folder, networks, subnet, names) => {
  const { spec } = await loadImported(await importFiles(sampleReader, [folder]), join(samples, folder))
  if (spec === undefined) throw new Error('the sample has problems')
  const world = createFakeWorld({ host: spec.hosts[0]?.name ?? '' })
  const network = { active: true, subnets: [subnet], hasDhcp: folder === 'g', leases: [], assigned: {} }
  world.networks = Object.fromEntries(networks.map((name) => [name, network]))
  const plan = await preview(
    new Progress(createFakeSeam({ seed: 1 })),
    { spec, instances: spec.instances, services: servicesFor(world) },
    plainRequest,
  )
  expect(plan.findings.filter(({ severity }) => severity === 'error')).toEqual([])
  expect(plan.changes.map(({ instance, action }) => [instance, action])).toEqual(
    names.map((name) => [name, 'create']),
  )
})
