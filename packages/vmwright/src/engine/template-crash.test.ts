import { describe, expect, it } from 'vitest'
import { addTemplate } from '../hypervisor/fake/templates.ts'
import { createFakeWorld, type FakeWorld } from '../hypervisor/fake/world.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import type { CloneMode, ResolvedSpec, TemplateSpec } from '../spec/resolved.ts'
import { cloneSpec, resolvedSpec, templateSpec } from '../testing/specs.ts'
import { censusWithoutRecord, openBench, templateRecordsOf } from './testing.ts'
import { killEverywhere } from './testing/kills.ts'

const domain = 'debian-template'
const paths = ['/srv/golden/root.qcow2', '/srv/golden/data.raw', '/srv/golden/more.qcow2']

interface Story {
  readonly template?: Partial<TemplateSpec>
  readonly clone?: CloneMode
  readonly state?: 'stopped' | 'running'
  readonly cloning?: Partial<ResolvedSpec['cloning']>
}

const storyOf = ({ template = {}, clone = 'auto', cloning = {} }: Story): ResolvedSpec => {
  const base = resolvedSpec([])
  return resolvedSpec(
    ['web-1', 'web-2'].map((name) => {
      const spec = cloneSpec(name)
      return {
        ...spec,
        source: { ...spec.source, clone } as typeof spec.source,
        snapshot: name === 'web-2' ? spec.snapshot : undefined,
      }
    }),
    { templates: [templateSpec(template)], cloning: { ...base.cloning, ...cloning } },
  )
}

function worldOf({ state = 'stopped' }: Story): FakeWorld {
  const world = createFakeWorld()
  addTemplate(world, {
    name: domain,
    state,
    disks: paths.map((path) => ({ path, format: path.endsWith('.raw') ? 'raw' : 'qcow2' })),
  })
  return world
}

const stories: readonly (readonly [string, Story])[] = [
  ['offline copies', {}],
  ['copies with a seed', { template: { identity: 'cloud-init' } }],
  ['overlays', { clone: 'overlay' }],
  ['overlays with a seed', { clone: 'overlay', template: { identity: 'cloud-init' } }],
  [
    'a running template, started again, one at a time',
    {
      state: 'running',
      template: { whenRunning: 'shut-down', restart: true },
      cloning: { mode: 'sequential', workspace: '/srv/work', validate: 'once' },
    },
  ],
  [
    'a running template, started again, side by side',
    {
      state: 'running',
      template: { whenRunning: 'shut-down', restart: true },
      cloning: { mode: 'parallel', parallel: 4, workspace: '/srv/work' },
    },
  ],
]

/** What a stranger would mind, and what would be left over: machines, volumes, files, protection, notes. */
const everything = (world: FakeWorld): readonly string[] => [
  ...censusWithoutRecord(world).map((line) =>
    line.replaceAll(/iid-\w+/g, 'iid').replace(/(template:\S+)\+booted/, '$1'),
  ),
  ...Object.values(templateRecordsOf(world)).flatMap(({ restartDue }) =>
    restartDue ? ['restart is due'] : [],
  ),
]

async function converge(spec: ResolvedSpec, world: FakeWorld): Promise<void> {
  const result = await openBench(spec, world, createFakeSeam({ seed: 99 })).apply()
  expect({ errors: result.run?.errors, findings: result.plan.findings }).toEqual({
    errors: new Map(),
    findings: [],
  })
  const seam = createFakeSeam()
  const again = await openBench(spec, world, seam).apply()
  expect({ steps: again.plan.steps, mutations: seam.mutations }).toEqual({ steps: [], mutations: [] })
}

describe.each(stories)('X4, T1: clones killed at any moment: %s', (_title, story) => {
  const spec = storyOf(story)

  it('X4, T1, T6: an apply killed around every effect converges, and leaves nothing over', async () => {
    const start = worldOf(story)
    const clean = structuredClone(start)
    await converge(spec, clean)
    const wanted = everything(clean)
    expect(clean.vms[domain]?.state).toBe(story.state ?? 'stopped')
    const kills = await killEverywhere(
      start,
      (world, seam) => openBench(spec, world, seam).apply(),
      async (world) => {
        await converge(spec, world)
        expect(everything(world)).toEqual(wanted)
      },
    )
    expect(kills).toBeGreaterThan(30)
  })

  it('X4, T7: a destroy killed around every effect converges to a host as it was', async () => {
    const start = worldOf(story)
    const before = everything(start)
    await converge(spec, start)
    const kills = await killEverywhere(
      start,
      (world, seam) => openBench(spec, world, seam).destroy(),
      async (world) => {
        await openBench(spec, world, createFakeSeam()).destroy()
        expect((await openBench(spec, world, createFakeSeam()).destroy()).plan.steps).toEqual([])
        expect(everything(world)).toEqual(before)
      },
    )
    expect(kills).toBeGreaterThan(10)
  })

  it('X4, T7: a destroy after an apply that was killed leaves a host as it was', async () => {
    const start = worldOf(story)
    const before = everything(start)
    await killEverywhere(
      start,
      (world, seam) => openBench(spec, world, seam).apply(),
      async (world) => {
        await openBench(spec, world, createFakeSeam()).destroy()
        expect((await openBench(spec, world, createFakeSeam()).destroy()).plan.steps).toEqual([])
        expect(everything(world)).toEqual(before)
      },
    )
  })

  it('X4: an apply whose every effect in turn happened but looked like a time-out converges', async () => {
    for (let ordinal = 1; ; ordinal++) {
      const world = worldOf(story)
      const seam = createFakeSeam()
      seam.timeoutAfterAt(ordinal)
      await openBench(spec, world, seam)
        .apply()
        .catch(() => undefined) // a note that cannot be kept ends the run
      if (seam.mutations.length < ordinal) break
      await converge(spec, world)
      expect(world.vms[domain]?.state).toBe(story.state ?? 'stopped')
    }
  })
})
