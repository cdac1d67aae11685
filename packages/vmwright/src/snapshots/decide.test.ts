import { describe, expect, it } from 'vitest'
import type { ObservedSnapshot } from '../hypervisor/snapshots.ts'
import { lifecycleActions, type LifecycleAction } from '../spec/resolved-lifecycle.ts'
import { decide, type DecideRequest, type Decision } from './decide.ts'
import { layerKeys } from './keys.ts'
import type { LayerName, LayerNote } from './layers.ts'
import { layerInputs, observedSnapshot, phaseInputs } from './testing/values.ts'

const keys = layerKeys(layerInputs())
const r7 = { kind: 'fixed', value: '7' } as const

const request = (overrides: Partial<DecideRequest> = {}): DecideRequest => ({
  project: 'shop',
  revision: { kind: 'auto' },
  allowed: lifecycleActions,
  keys,
  phases: ['dependencies', 'init', 'main', 'terminate'],
  observed: [],
  memory: true,
  ...overrides,
})

/** What a host has after the run that was decided on. */
const kept = (decision: Decision): readonly ObservedSnapshot[] =>
  decision.create.map(({ snapshot, note }, index) =>
    observedSnapshot(snapshot, note, { memory: true, createdAtMs: index }),
  )
const full = kept(decide(request()))
const fullR7 = kept(decide(request({ revision: r7 })))
const only = (snapshots: readonly ObservedSnapshot[], ...layers: readonly LayerName[]) =>
  snapshots.filter(({ name }) => layers.some((layer) => name === layer || name.endsWith(`.${layer}`)))

const without = (...actions: readonly LifecycleAction[]) =>
  lifecycleActions.filter((action) => !actions.includes(action))

const otherInit = layerKeys(
  layerInputs({ phases: { ...layerInputs().phases, init: phaseInputs({ 'init.yaml': 'i2' }) } }),
)
const otherImage = layerKeys(layerInputs({ base: 'image:sha256:bb' }))

const short = (name: string): string => name.replace(/auto-[0-9a-f]{12}/, 'auto')
const outline = (decision: Decision) => ({
  restore: decision.restore?.layer,
  run: decision.run.join(' '),
  create: decision.create.map(({ snapshot }) => short(snapshot)).join(' '),
  discard: decision.discard.map(short).join(' '),
})

const all = 'dependencies init main terminate'
const allLayers = 'clean shop.auto.dependencies shop.auto.init'
const nothing = { restore: undefined, run: all, create: '', discard: '' }

describe('decide', () => {
  it.each<[string, Partial<DecideRequest>, ReturnType<typeof outline>]>([
    ['nothing is there', {}, { ...nothing, create: allLayers }],
    ['all is there', { observed: full }, { ...nothing, restore: 'init', run: 'main terminate' }],
    [
      'all is there by a revision of hand',
      { revision: r7, observed: fullR7 },
      { ...nothing, restore: 'init', run: 'main terminate' },
    ],
    [
      'init changed',
      { observed: full, keys: otherInit },
      { ...nothing, restore: 'dependencies', run: 'init main terminate', create: 'shop.auto.init' },
    ],
    [
      'init changed under the same revision of hand',
      { revision: r7, observed: fullR7, keys: otherInit },
      { ...nothing, restore: 'init', run: 'main terminate' },
    ],
    [
      'another revision of hand',
      { revision: { kind: 'fixed', value: '8' }, observed: fullR7 },
      { ...nothing, restore: 'clean', create: 'shop.8.dependencies shop.8.init' },
    ],
    [
      'the lower layers are gone',
      { observed: only(full, 'init') },
      { ...nothing, restore: 'init', run: 'main terminate' },
    ],
    [
      'restoring init is not allowed',
      { observed: full, allowed: without('restore-init') },
      {
        ...nothing,
        restore: 'clean',
        create: 'shop.auto.dependencies shop.auto.init',
        discard: 'shop.auto.dependencies shop.auto.init',
      },
    ],
    [
      'restoring nothing is allowed',
      { observed: full, allowed: without('restore-init', 'restore-clean') },
      nothing,
    ],
    [
      'nothing may be created',
      { allowed: without('create-clean', 'create-init') },
      { ...nothing, create: '' },
    ],
    [
      'clean may not be created',
      { allowed: without('create-clean') },
      { ...nothing, create: 'shop.auto.dependencies shop.auto.init' },
    ],
    [
      'dependencies may not run',
      { allowed: without('dependencies') },
      { ...nothing, run: 'init main terminate', create: 'clean shop.auto.init' },
    ],
    [
      'dependencies may not run but all is there',
      { observed: full, allowed: without('dependencies') },
      { ...nothing, restore: 'init', run: 'main terminate' },
    ],
    [
      'there is no init',
      { phases: ['dependencies', 'main'] },
      { ...nothing, run: 'dependencies main', create: 'clean shop.auto.dependencies' },
    ],
    ['there is only main', { phases: ['main'] }, { ...nothing, run: 'main', create: 'clean' }],
    [
      'there is only main and clean is there',
      { phases: ['main'], observed: only(full, 'clean') },
      { ...nothing, restore: 'clean', run: 'main' },
    ],
    ['the image is another one and the machine was used', { observed: full, keys: otherImage }, nothing],
    [
      'the image is another one and the machine is new',
      { observed: full, keys: otherImage, used: false },
      { ...nothing, create: allLayers, discard: 'clean' },
    ],
    ['the machine was used and nothing is kept of it', { used: true }, nothing],
    [
      'the machine was used and the revision is of hand',
      { revision: r7, used: true },
      { ...nothing, create: 'clean shop.7.dependencies shop.7.init' },
    ],
    [
      'the snapshot has no note',
      { revision: r7, observed: [...only(fullR7, 'clean'), observedSnapshot('shop.7.init', undefined)] },
      { ...nothing, restore: 'clean', create: 'shop.7.dependencies shop.7.init', discard: 'shop.7.init' },
    ],
    [
      'somebody else has made `clean`',
      { observed: [observedSnapshot('clean', undefined)] },
      { ...nothing, create: 'shop.auto.clean shop.auto.dependencies shop.auto.init' },
    ],
    [
      'another project has all layers',
      { project: 'other', observed: full },
      { ...nothing, create: 'other.auto.clean other.auto.dependencies other.auto.init' },
    ],
    [
      'layers hold memory and must not',
      { observed: full, memory: false },
      {
        ...nothing,
        restore: 'clean',
        create: 'shop.auto.dependencies shop.auto.init',
        discard: 'shop.auto.dependencies shop.auto.init',
      },
    ],
    [
      'layers hold no memory and might',
      { observed: full.map((snapshot) => ({ ...snapshot, memory: false })) },
      { ...nothing, restore: 'init', run: 'main terminate' },
    ],
  ])('G2, G8: %s', (_, overrides, wanted) => {
    expect(outline(decide(request(overrides)))).toEqual(wanted)
  })

  it.each<[string, Partial<DecideRequest>, readonly string[]]>([
    [
      'all is there',
      { observed: full },
      [`init hit: The snapshot ${full[2]?.name} has the key ${keys.init.key.slice(0, 12)}.`],
    ],
    [
      'init changed',
      { observed: full, keys: otherInit },
      [
        `init miss: Since the snapshot ${full[2]?.name} was made the file init.yaml changed.`,
        `dependencies hit: The snapshot ${full[1]?.name} has the key ${keys.dependencies.key.slice(0, 12)}.`,
      ],
    ],
    [
      'init changed under the same revision of hand',
      { revision: r7, observed: fullR7, keys: otherInit },
      [
        'init hit: The snapshot shop.7.init has the revision that the spec names, although since it was made the file init.yaml changed.',
      ],
    ],
    [
      'another revision of hand',
      { revision: { kind: 'fixed', value: '8' }, observed: fullR7 },
      [
        'init miss: No snapshot has the revision 8; the newest of this layer is shop.7.init.',
        'dependencies miss: No snapshot has the revision 8; the newest of this layer is shop.7.dependencies.',
        'clean hit: The snapshot clean is there and its inputs are unchanged.',
      ],
    ],
    [
      'restoring init is not allowed',
      { revision: r7, observed: fullR7, allowed: without('restore-init') },
      [
        'init not-allowed: The snapshot shop.7.init is there and its inputs are unchanged, but restoring it is not allowed.',
        'dependencies not-allowed: The snapshot shop.7.dependencies is there and its inputs are unchanged, but restoring it is not allowed.',
        'clean hit: The snapshot clean is there and its inputs are unchanged.',
      ],
    ],
    [
      'a snapshot has no note',
      { revision: r7, observed: [...only(fullR7, 'clean'), observedSnapshot('shop.7.init', undefined)] },
      [
        'init miss: The snapshot shop.7.init is not a finished one of this program.',
        'dependencies miss: No snapshot of the project shop holds this layer.',
        'clean hit: The snapshot clean is there and its inputs are unchanged.',
      ],
    ],
    [
      'layers hold memory and must not',
      { observed: only(full, 'init'), memory: false, used: false },
      [
        `init miss: The snapshot ${full[2]?.name} holds memory, which snapshots of this run must not.`,
        'dependencies miss: No snapshot of the project shop holds this layer.',
        'clean miss: No snapshot of the project shop holds this layer.',
      ],
    ],
  ])('G8: gives the reason when %s', (_, overrides, wanted) => {
    const { reasons } = decide(request(overrides))
    expect(reasons.map(({ layer, outcome, because }) => `${layer} ${outcome}: ${because}`)).toEqual(wanted)
  })

  it('G8: names three inputs that changed and counts the rest', () => {
    const changed = layerKeys(
      layerInputs({ base: 'x', variables: { suite: 'sid', more: 1 }, environment: {}, connection: 'agent' }),
    )
    expect(decide(request({ observed: full, keys: changed })).reasons[0]?.because).toBe(
      `Since the snapshot ${full[2]?.name} was made the image or template changed, ` +
        'the connection went from ssh to agent, the environment variable LANG went away and 2 more inputs changed.',
    )
  })

  it('G8: a machine that was used and has no clean layer has to be made anew, if a clean layer may be made', () => {
    expect(decide(request({ observed: full, keys: otherImage })).anew).toBe(
      'The machine has been used and cannot be brought back to what it is when clean: Since the snapshot clean was made the image or template changed.',
    )
    const mayNot = { observed: full, keys: otherImage, allowed: without('create-clean') }
    expect(decide(request(mayNot)).anew).toBeUndefined()
    expect(decide(request({ revision: r7, used: true })).anew).toBeUndefined()
    expect(decide(request({ observed: full })).anew).toBeUndefined()
    expect(decide(request()).anew).toBeUndefined()
  })

  it.each<[string, Partial<DecideRequest>]>([
    [
      'made on a layer of a revision of hand whose inputs changed',
      { revision: r7, observed: only(fullR7, 'clean'), keys: otherImage },
    ],
    ['made on a used machine', { revision: r7, used: true }],
    ['made without a phase that is there', { allowed: without('dependencies') }],
  ])('G8: what is %s is no hit for a run that would make it otherwise', (_, overrides) => {
    const made = decide(request(overrides))
    const observed = only(kept(made), 'init')
    const later = decide(request({ observed, keys: overrides.keys ?? keys, used: false }))
    expect(made.create.map(({ layer }) => layer)).toContain('init')
    expect(later.restore).toBeUndefined()
    expect(later.reasons[0]?.because).toMatch(/same inputs but was not made on a clean machine by all phases/)
  })

  it('G8: what was made without a phase is a hit for the next run that leaves it out too', () => {
    const allowed = without('dependencies')
    const observed = kept(decide(request({ allowed })))
    expect(decide(request({ allowed, observed })).restore?.layer).toBe('init')
  })

  it('G8: what was made by a revision of hand is a hit for `auto` when it holds the same', () => {
    expect(decide(request({ observed: fullR7 })).restore).toEqual({
      layer: 'init',
      snapshot: 'shop.7.init',
      memory: true,
      over: [],
    })
  })

  it('G2: own snapshots that lie over the one to restore go before it, the newest first', () => {
    const stacked = full.map((snapshot, index) => ({
      ...snapshot,
      under: full.slice(index + 1).map(({ name }) => name),
    }))
    expect(decide(request({ observed: stacked, keys: otherInit })).restore?.over).toEqual([full[2]?.name])
    const toClean = decide(request({ observed: stacked, allowed: without('restore-init') }))
    expect(toClean.restore?.over).toEqual([full[2]?.name, full[1]?.name])
  })

  it("G2: what lies under somebody else's snapshot is not restored", () => {
    const buried = full.map((snapshot) => ({ ...snapshot, under: ['before-upgrade'] }))
    const { restore, create, reasons } = decide(request({ observed: buried }))
    expect([restore, create]).toEqual([undefined, []])
    expect(reasons[2]?.because).toBe(
      "The snapshot clean lies under before-upgrade, which is somebody else's.",
    )
  })

  it('G2: notes say what each layer was made on', () => {
    const notes: readonly LayerNote[] = decide(request({ revision: r7 })).create.map(({ note }) => note)
    expect(notes.map(({ layer, on, revision }) => [layer, on, revision])).toEqual([
      ['clean', undefined, '7'],
      ['dependencies', 'clean', '7'],
      ['init', 'shop.7.dependencies', '7'],
    ])
  })

  it('G6: a phase that does not exist or may not run is not run', () => {
    const { run } = decide(request({ phases: ['init', 'main', 'terminate'], allowed: without('main') }))
    expect(run).toEqual(['init', 'terminate'])
  })
})
