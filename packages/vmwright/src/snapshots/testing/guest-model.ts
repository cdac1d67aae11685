import { isDeepStrictEqual } from 'node:util'
import type { ObservedSnapshot } from '../../hypervisor/snapshots.ts'
import { lifecycleActions, type LifecycleAction, type PhaseName } from '../../spec/resolved-lifecycle.ts'
import { decide, type Decision, type DecideRequest } from '../decide.ts'
import { layerKeys } from '../keys.ts'
import { layerNames, type LayerName } from '../layers.ts'
import { readNote, writeNote } from '../note.ts'
import { layerInputs, observedSnapshot, phaseInputs } from './values.ts'

/** All that a person edits; small numbers, so that edits are taken back now and then. */
interface Edited {
  readonly image: number
  readonly memory: number
  readonly variable: number
  readonly dependencies: number | undefined
  readonly init: number | undefined
}

/** What was done to a disk, in turn. */
type Content = readonly string[]

interface Kept extends ObservedSnapshot {
  readonly content: Content
}

interface Settings extends Pick<DecideRequest, 'revision' | 'allowed' | 'memory'> {
  /** The run ends after so many phases and layers. */
  readonly survives: number
}

const everything: Settings = {
  revision: { kind: 'auto' },
  allowed: lifecycleActions,
  memory: true,
  survives: Number.POSITIVE_INFINITY,
}

/** A guest that is edited, pruned, interrupted and run; a disposable one, made anew where a run asks for it. */
export function guestModel(random: () => number) {
  const below = (limit: number): number => Math.floor(random() * limit)
  const chance = (of: number): boolean => random() < of
  const pick = <T>(...values: readonly [T, ...T[]]): T => values[below(values.length)] ?? values[0]

  let edited: Edited = { image: 0, memory: 0, variable: 0, dependencies: 0, init: 0 }
  let content = coldContent(edited, 'clean')
  let snapshots: readonly Kept[] = []
  let clock = 0
  /** Its snapshots lie over each other, and only the newest can be restored. */
  const isStacked = chance(0.3)
  const log: string[] = []

  const disturb = (): void => {
    for (let count = below(3); count >= 0; count--) disturbances[below(disturbances.length)]?.()
  }
  const disturbances: readonly (() => void)[] = [
    () => edit({ image: below(2) }),
    () => edit({ memory: below(2) }),
    () => edit({ variable: below(2) }),
    () => edit({ dependencies: pick(undefined, 0, 1, 2) }),
    () => edit({ init: pick(undefined, 0, 1, 2) }),
    () => edit({ init: pick(0, 1, 2) }),
    () => remove((_snapshot, index) => index === below(snapshots.length)),
    () => remove(() => chance(0.3)),
    () => makeAnew(),
    () => keep({ ...observedSnapshot(pick('clean', 'by-hand'), undefined), content: ['by hand'] }),
    () => snapshots.length > 0 && loseNote(below(snapshots.length)),
  ]
  const edit = (change: Partial<Edited>): void => {
    edited = { ...edited, ...change }
    log.push(`edit ${JSON.stringify(change)}`)
  }
  const remove = (gone: (snapshot: Kept, index: number) => boolean): void => {
    snapshots = snapshots.filter((snapshot, index) => !gone(snapshot, index))
    log.push('remove')
  }
  const makeAnew = (): void => {
    ;[content, snapshots] = [coldContent(edited, 'clean'), []]
    log.push('make anew')
  }
  /** As a driver does: one that is there stays. */
  const keep = (snapshot: Kept): void => {
    if (snapshots.every(({ name }) => name !== snapshot.name)) snapshots = [...snapshots, snapshot]
  }
  const loseNote = (lost: number): void => {
    snapshots = snapshots.map((kept, index) => (index === lost ? { ...kept, note: undefined } : kept))
    log.push('lose a note')
  }

  const decided = (settings: Settings): Decision => {
    const used = !isDeepStrictEqual(content, coldContent(edited, 'clean'))
    const inferred = snapshots.some(({ note }) => readNote(note) !== undefined)
    return decide({
      ...settings,
      project: 'shop',
      keys: keysOf(edited),
      phases: phasesOf(edited),
      observed: snapshots.map((kept, index) => ({ ...kept, under: isStacked ? namesFrom(index + 1) : [] })),
      ...(used === inferred && chance(0.5) ? {} : { used }),
    })
  }

  const namesFrom = (index: number): readonly string[] => snapshots.slice(index).map(({ name }) => name)

  /** Runs, and tells what of it was not what a cold run would have had. */
  const follow = (settings: Settings): { readonly stale: readonly string[]; readonly decision: Decision } => {
    const stale: string[] = []
    let decision = decided(settings)
    if (decision.anew !== undefined) {
      makeAnew()
      decision = decided(settings)
    }
    const { restore, discard, run, create } = decision
    log.push(`run ${settings.revision.kind}: ${restore?.layer}, ${run.join(' ')}`)
    const isAuto = settings.revision.kind === 'auto'
    if (restore !== undefined) {
      for (const over of restore.over) remove(({ name }) => name === over)
      if (isStacked && snapshots.at(-1)?.name !== restore.snapshot)
        stale.push(`${restore.snapshot} lies under others`)
      content = snapshots.find(({ name }) => name === restore.snapshot)?.content ?? ['nothing']
      const wanted = [[], skippedBy(settings)].map((without) => coldContent(edited, restore.layer, without))
      if (isAuto && !wanted.some((cold) => isDeepStrictEqual(content, cold))) {
        stale.push(`restored ${restore.layer} with ${content.join(', ')}`)
      }
    }
    let left = settings.survives
    const keepAfter = (moment: string): void => {
      for (const { layer, snapshot, note } of create.filter(({ after }) => after === moment)) {
        if (left-- <= 0) return
        if (discard.includes(snapshot)) remove(({ name }) => name === snapshot)
        if (
          note.key === keysOf(edited)[layer].key &&
          !isDeepStrictEqual(content, coldContent(edited, layer))
        ) {
          stale.push(`kept as ${layer}: ${content.join(', ')}`)
        }
        const memory = settings.memory
        keep({
          ...observedSnapshot(snapshot, note, { memory, createdAtMs: clock++ }),
          content,
          note: writeNote(note),
        })
      }
    }
    keepAfter('startup')
    for (const phase of ['dependencies', 'init'] as const) {
      if (!run.includes(phase)) continue
      if (left-- <= 0) break
      content = [...content, phaseText(edited, phase)]
      keepAfter(phase)
    }
    if (left > 0 && run.includes('main')) {
      if (settings === everything && !isDeepStrictEqual(content, coldContent(edited, 'init'))) {
        stale.push(`main began on ${content.join(', ')}`)
      }
      content = [...content, `main ${clock++}`]
    }
    return { stale, decision }
  }

  const run = () =>
    follow({
      revision: pick({ kind: 'auto' }, { kind: 'auto' }, { kind: 'fixed', value: pick('r1', 'r2') }),
      allowed: chance(0.5) ? lifecycleActions : lifecycleActions.filter(() => chance(0.8)),
      memory: chance(0.9),
      survives: chance(0.7) ? Number.POSITIVE_INFINITY : below(5),
    })

  /** Runs with everything allowed, and looks at what the next run would do: at once, and with an edit of `init`. */
  const runAgain = () => {
    const { stale } = follow(everything)
    const needless: string[] = []
    const again = decided(everything)
    const top = phasesOf(edited).includes('init')
      ? 'init'
      : phasesOf(edited).includes('dependencies')
        ? 'dependencies'
        : 'clean'
    if (again.restore?.layer !== top) needless.push(`restored ${again.restore?.layer} instead of ${top}`)
    if (again.create.length + again.discard.length > 0) needless.push('kept what is there already')
    const before = edited
    edited = { ...edited, init: 99 }
    const { restore } = decided(everything)
    const there = (['dependencies', 'clean'] as const).find((layer) => isKept(layer))
    if (restore?.layer !== there && restore?.layer !== 'dependencies') {
      needless.push(`an edit of init restored ${restore?.layer} instead of ${there}`)
    }
    edited = before
    return { stale, needless }
  }

  const isKept = (layer: LayerName): boolean =>
    snapshots.some(
      (kept, index) =>
        readNote(kept.note)?.layer === layer &&
        isDeepStrictEqual(kept.content, coldContent(edited, layer)) &&
        !(
          isStacked &&
          snapshots.slice(index).some(({ note, name }) => note === undefined && !name.startsWith('shop.'))
        ),
    )

  return { disturb, run, runAgain, history: () => log.join('\n') }
}

const keysOf = ({ image, memory, variable, dependencies, init }: Edited) =>
  layerKeys(
    layerInputs({
      base: `image:${image}`,
      hardware: { memory },
      variables: { variable },
      phases: {
        ...(dependencies === undefined
          ? {}
          : { dependencies: phaseInputs({ 'dependencies.yaml': `${dependencies}` }) }),
        ...(init === undefined ? {} : { init: phaseInputs({ 'init.yaml': `${init}` }) }),
      },
    }),
  )

const phasesOf = ({ dependencies, init }: Edited): readonly PhaseName[] => [
  ...(dependencies === undefined ? [] : (['dependencies'] as const)),
  ...(init === undefined ? [] : (['init'] as const)),
  'main',
]

const phaseText = (edited: Edited, phase: 'dependencies' | 'init'): string =>
  `${phase} ${edited[phase]} with ${edited.variable}`

const skippedBy = ({ allowed }: { readonly allowed: readonly LifecycleAction[] }) =>
  (['dependencies', 'init'] as const).filter((phase) => !allowed.includes(phase))

/** What a machine has that was made now and went up to that layer. */
function coldContent(edited: Edited, layer: LayerName, without: readonly PhaseName[] = []): Content {
  const phases = (['dependencies', 'init'] as const)
    .slice(0, layerNames.indexOf(layer))
    .filter((phase) => edited[phase] !== undefined && !without.includes(phase))
  return [`image ${edited.image} memory ${edited.memory}`, ...phases.map((phase) => phaseText(edited, phase))]
}
