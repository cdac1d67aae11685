import type { DraftPath, Plain, SpecDraft } from './draft.ts'
import type { Notes } from './notes.ts'
import { matterOf, type Reader } from './readers.ts'
import { type Place, placeText, type Value } from '../spec/ansible/value.ts'

/** A setting that was found: its name as the reader knows it, and its resolved value. */
export interface Found {
  readonly name: string
  readonly value: Value
}

/** A setting by name in something that has settings; `undefined` when it is not set. */
export function found(name: string, value: Value | undefined): Found | undefined {
  return value === undefined || value.kind === 'omit' ? undefined : { name, value }
}

/** Takes settings over into the draft, and tells of each what became of it. */
export class Carrier {
  readonly draft: SpecDraft
  readonly notes: Notes

  constructor(draft: SpecDraft, notes: Notes) {
    this.draft = draft
    this.notes = notes
  }

  /** Reads a setting for a decision. What cannot be read is a question at `path`, the field that it is for. */
  read<T>(path: DraftPath, setting: Found | undefined, reader: Reader<T>): T | undefined {
    if (setting === undefined) return undefined
    return reader(setting.value, (value, expected) => {
      const text = `${setting.name}: ${matterOf(value, expected)}`
      this.notes.add('question', value.place, text)
      this.draft.question(path, `${text} (${placeText(value.place)})`)
    })
  }

  /**
   * Writes a setting to a field, with where it came from. `write` turns it into what the field wants; `undefined`
   * leaves the field out. Returns what was read.
   */
  carry<T extends Plain>(
    path: DraftPath,
    setting: Found | undefined,
    reader: Reader<T>,
    write: (value: T) => Plain | undefined = (value) => value,
  ): T | undefined {
    const value = this.read(path, setting, reader)
    if (setting === undefined || value === undefined) return undefined
    const written = write(value)
    if (written !== undefined) this.put(path, written, setting)
    return value
  }

  /** Writes a value that was made from a setting. */
  put(path: DraftPath, value: Plain, setting: Found): void {
    this.draft.set(path, value, `${setting.name}, ${placeText(setting.value.place)}`)
    this.notes.add('taken', setting.value.place, `${setting.name} is ${fieldText(path)}`)
  }

  /** Writes what the old system did when nothing was set, where the spec's own default is another. */
  builtin(path: DraftPath, value: Plain, name: string): void {
    this.draft.set(path, value, `${name}, by default`)
  }

  /** Writes a value that no setting has, with the reason. */
  decide(path: DraftPath, value: Plain, place: Place | undefined, reason: string): void {
    this.draft.set(path, value, place === undefined ? 'decided, see above' : `decided, ${placeText(place)}`)
    this.notes.add('decided', place, reason)
  }

  /**
   * A secret: only how to get at it is written. What stands in clear or in a vault becomes the environment
   * variable `variable`, and a note says to export it. An empty one is none. Returns whether there is one.
   */
  secret(path: DraftPath, setting: Found | undefined, variable: string): boolean {
    if (setting === undefined) return false
    const { name, value } = setting
    if (value.kind === 'scalar' && (value.value === '' || value.value === null)) return false
    if (value.kind === 'env') this.put(path, { env: value.name }, setting)
    else if (value.kind === 'file') this.put(path, { file: value.path }, setting)
    else {
      this.put(path, { env: variable }, setting)
      const how =
        value.kind === 'vault'
          ? 'is encrypted by ansible-vault: `ansible-vault view` shows it'
          : value.kind === 'secret'
            ? 'stands in clear in the old file, and is not taken over'
            : 'comes from an expression that is not resolved'
      this.notes.add('decided', value.place, `${name} ${how}; export ${variable} before \`apply\``)
    }
    return true
  }

  /** For a setting that has no field. */
  noEqual(setting: Found | undefined, reason: string): void {
    if (setting !== undefined) this.notes.add('no-equal', setting.value.place, `${setting.name}: ${reason}`)
  }

  warn(place: Place | undefined, text: string): void {
    this.notes.add('warning', place, text)
  }
}

export const fieldText = (path: DraftPath): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '')
