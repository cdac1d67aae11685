import { describe, expect, it } from 'vitest'
import { openBench } from '../../engine/testing.ts'
import { addTemplate } from '../../hypervisor/fake/templates.ts'
import { createFakeVm, createFakeWorld } from '../../hypervisor/fake/world.ts'
import { createFakeSeam } from '../../lib/testing/fake-seam.ts'
import type { Stage } from '../../plan/plan.ts'
import { cloneSpec, hostSpec, instanceSpec, resolvedSpec, templateSpec } from '../../testing/specs.ts'
import { renderPlan } from './plan-text.ts'

const spec = resolvedSpec(['web-1', 'web-2', 'web-3'].map((name) => instanceSpec(name)))

async function shown(world = createFakeWorld(), stage: Stage = 'full', of = spec): Promise<string> {
  return renderPlan(await openBench(of, world, createFakeSeam()).plan({ stage }), 'changes')
}

describe('the plan as text', () => {
  it('C35: tells how to go on with the others when one machine is in the way', async () => {
    const text = await shown(createFakeWorld({ vms: { 'web-2': createFakeVm('web-2') } }))
    expect(text).toContain('take the machine over (--adopt web-2)')
    expect(text).toMatch(/nothing was done\.\nTo go on with the others: vmwright apply web-1 web-3\n$/)
  })

  it('names no others when the host itself is in the way', async () => {
    expect(await shown(createFakeWorld({ networks: {} }))).toMatch(
      /1 problem speaks against it; nothing was done\.\n$/,
    )
  })

  it('C15: of a preflight shows findings alone', async () => {
    expect(await shown(createFakeWorld(), 'preflight')).toBe('No findings.\n')
    const text = await shown(createFakeWorld({ networks: {} }), 'preflight')
    expect(text).toMatch(
      /^error: host fake: There is no network default on the host\.\n.*\n1 problem found\.\n$/,
    )
  })

  it.each([
    ['that does not exist', createFakeWorld({ networks: {} }), false],
    ['that must not be started', inactive(), false],
    ['that may be started', inactive(), true],
  ])('C13: starts a network %s: %o', async (_which, world, startInactiveNetworks) => {
    const of = { ...spec, hosts: [hostSpec({ startInactiveNetworks })] }
    expect((await shown(world, 'full', of)).includes('start network')).toBe(startInactiveNetworks)
  })
})

it('T8, T10: of clones says what they are made of, and whether that was validated earlier', async () => {
  const world = createFakeWorld()
  addTemplate(world, { name: 'debian-template', disks: [{ path: '/srv/golden.qcow2' }] })
  const base = resolvedSpec([cloneSpec('web-1')], { templates: [templateSpec()] })
  const of = { ...base, cloning: { ...base.cloning, validate: 'once' as const } }
  expect(await shown(world, 'full', of)).toContain('template debian (debian-template): validated\n')
  expect(await shown(world, 'full', of)).toContain(': unchanged since it was validated\n')
  const steps = renderPlan(await openBench(of, world, createFakeSeam()).plan(), 'steps')
  expect(steps).toContain('clone /srv/golden.qcow2 to web-1.qcow2 (reflink or copy of debian vda)')
})

function inactive() {
  const world = createFakeWorld()
  const network = world.networks['default']
  if (network !== undefined) network.active = false
  return world
}
