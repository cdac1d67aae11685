import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { renderPlan } from '../packages/vmwright/src/cli/output/plan-text.ts'
import { preview } from '../packages/vmwright/src/engine/operations.ts'
import { servicesFor } from '../packages/vmwright/src/engine/testing.ts'
import { plainRequest } from '../packages/vmwright/src/plan/plain-request.ts'
import { createFakeWorld } from '../packages/vmwright/src/hypervisor/fake/world.ts'
import { Progress } from '../packages/vmwright/src/lib/progress.ts'
import { createFakeSeam } from '../packages/vmwright/src/lib/testing/fake-seam.ts'
import { loadSpec } from '../packages/vmwright/src/spec/load.ts'

const folder = join(import.meta.dirname, '../examples')

it('K3, K4, K6: the plan of the example cluster.yaml makes its pool, network, rules and nodes', async () => {
  const { spec } = await loadSpec({ readText: async (path) => readFileSync(path) }, 'cluster.yaml', {
    variables: {},
    homeDirectory: '/home/me',
    currentDirectory: folder,
  })
  if (spec === undefined) throw new Error('the example has problems')
  const world = createFakeWorld({ host: 'local' })
  world.networks = {}
  const plan = await preview(
    new Progress(createFakeSeam({ seed: 1 })),
    { spec, instances: spec.instances, services: servicesFor(world) },
    plainRequest,
  )
  expect(plan.findings.filter(({ severity }) => severity === 'error')).toEqual([])
  expect(plan.changes.map(({ instance, action }) => [instance, action])).toEqual(
    ['node-1', 'node-2', 'node-3', 'node-4', 'bastion'].map((name) => [name, 'create']),
  )
  expect(plan.resources.map(({ kind, name, action }) => [kind, name, action])).toEqual([
    ['network', 'cluster-nodes', 'create'],
    ['rules', 'cluster-nodes', 'create'],
    ['pool', 'cluster', 'create'],
    ['pool', 'vmwright-images', 'create'],
  ])
  await expect(renderPlan(plan, 'changes')).toMatchFileSnapshot('support/cluster.plan.txt')
})
