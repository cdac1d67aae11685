import type { BridgeDefinition, BridgeState } from '../../../host/bridges.ts'

/**
 * All that a host needs to change its network and to change it back by itself: data for the worker. A reboot before
 * it is confirmed finds the configuration that was there before, because what is tried lies in places that do not
 * outlive one (`trial`), or is not written until it is confirmed.
 */
export interface BridgeChange {
  readonly bridge: BridgeDefinition
  readonly manager: BridgeState['manager']
  readonly files: readonly ChangedFile[]
  /** Run in this order after the files are tried. */
  readonly apply: readonly Command[]
  /** Run when it is confirmed and the files are in their place. */
  readonly commit: readonly Command[]
  /** Run after the files are back. */
  readonly restore: readonly Command[]
  /** The same by iproute2 alone, for when the manager does not bring the old state back. */
  readonly byHand: { readonly make: readonly Command[]; readonly undo: readonly Command[] }
  /** What holds now, and what has to hold before anybody is asked to confirm. */
  readonly before: readonly Expectation[]
  readonly after: readonly Expectation[]
}

export interface ChangedFile {
  /** Where it belongs; `undefined`: it only serves the change. */
  readonly path: string | undefined
  /** Where it is while nobody has confirmed; `undefined`: nowhere; equal to `path`: it is changed at once. */
  readonly trial: string | undefined
  /** `undefined`: it is not there. */
  readonly before: Uint8Array | undefined
  readonly after: Uint8Array | undefined
  /** Permission bits of a new file; one that is there keeps its own. */
  readonly mode: '644' | '600'
}

/** Program and arguments. `mayFail`: what follows makes good for it. */
export interface Command {
  readonly words: readonly [string, ...string[]]
  readonly mayFail: boolean
}

export const must = (...words: readonly [string, ...string[]]): Command => ({ words, mayFail: false })
export const may = (...words: readonly [string, ...string[]]): Command => ({ words, mayFail: true })

export type Family = '-4' | '-6'

export type Expectation =
  | { readonly kind: 'port'; readonly interface: string; readonly bridge: string }
  | { readonly kind: 'free'; readonly interface: string }
  | {
      readonly kind: 'address' | 'route'
      readonly family: Family
      /** With prefix length; the gateway of a default route. */
      readonly address: string
      readonly device: string
    }
  /** It answers ARP or neighbour solicitation; not asked for when it did not before. */
  | {
      readonly kind: 'gateway'
      readonly family: Family
      readonly address: string
      readonly device: string
    }

/** The way back, after the change was confirmed. Both ends have served before, so files are put back at once. */
export function reversed(change: BridgeChange): BridgeChange {
  return {
    bridge: change.bridge,
    manager: change.manager,
    files: change.files.map((file) =>
      file.path === undefined ? file : { ...file, trial: file.path, before: file.after, after: file.before },
    ),
    apply: change.restore,
    commit: [],
    restore: [...change.apply, ...change.commit],
    byHand: { make: change.byHand.undo, undo: change.byHand.make },
    before: change.after,
    after: change.before,
  }
}

/** Between words of one line; no word of a network configuration has it. */
const separator = '\u001F'

/** The files of a run, as `launchScript` reads them: a name and its content in base64 a line. */
export function runFiles(
  change: BridgeChange,
  run: { readonly id: string; readonly worker: string },
): string {
  const files: Record<string, string | Uint8Array> = {
    worker: run.worker,
    id: `${run.id}\n`,
    seconds: `${Math.max(1, Math.ceil(change.bridge.confirmWithinMs / 1000))}\n`,
    record: `${writeChange(change)}\n`,
    files: linesOf(
      change.files.map(({ path = '-', trial = '-', mode }, index) => [String(index), path, trial, mode]),
    ),
    before: linesOf(change.before.map(expectationWords)),
    after: linesOf(change.after.map(expectationWords)),
  }
  const { apply, commit, restore, byHand } = change
  for (const [name, commands] of Object.entries({ apply, commit, restore, 'by-hand': byHand.undo }))
    files[name] = linesOf(commands.map(({ words, mayFail }) => [mayFail ? 'may' : 'must', ...words]))
  for (const [index, { before, after }] of change.files.entries()) {
    if (before !== undefined) files[`before-${index}`] = before
    if (after !== undefined) files[`after-${index}`] = after
  }
  return Object.entries(files)
    .map(([name, content]) => `${name} ${Buffer.from(content).toString('base64')}\n`)
    .join('')
}

const expectationWords = (expected: Expectation): readonly string[] => {
  if (expected.kind === 'port') return ['port', expected.interface, expected.bridge]
  if (expected.kind === 'free') return ['free', expected.interface]
  return [expected.kind, expected.family, expected.address, expected.device]
}

function linesOf(lines: readonly (readonly string[])[]): string {
  return lines
    .map((words) => {
      const odd = words.find((word) => [separator, '\n', '\0'].some((end) => word.includes(end)))
      if (odd !== undefined) throw new RangeError(`no command can have the word ${JSON.stringify(odd)}`)
      return `${words.join(separator)}\n`
    })
    .join('')
}

/** One line of JSON, kept on the host for the way back. */
const writeChange = (change: BridgeChange): string =>
  JSON.stringify({
    ...change,
    files: change.files.map((file) => ({ ...file, before: base64(file.before), after: base64(file.after) })),
  })

const base64 = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString('base64')

/** What `writeChange` wrote, by this program itself into a folder of root. Throws `SyntaxError` where it is damaged. */
export function readChange(text: string): BridgeChange {
  const change = JSON.parse(text) as Omit<BridgeChange, 'files'> & { readonly files: readonly WrittenFile[] }
  const bytes = (coded: string | undefined): Uint8Array | undefined =>
    coded === undefined ? undefined : Buffer.from(coded, 'base64')
  return {
    ...change,
    files: change.files.map(({ path, trial, before, after, mode }) => ({
      path,
      trial,
      before: bytes(before),
      after: bytes(after),
      mode,
    })),
  }
}

type WrittenFile = Pick<ChangedFile, 'mode'> &
  Partial<Readonly<Record<'path' | 'trial' | 'before' | 'after', string>>>
