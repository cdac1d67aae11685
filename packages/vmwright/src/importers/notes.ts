import { type Place, placeText, plainLine } from '../spec/ansible/value.ts'

export type NoteKind = 'taken' | 'no-equal' | 'decided' | 'warning' | 'question'

/** Something the reader of the new spec should know. Never has a secret in it. */
export interface Note {
  readonly kind: NoteKind
  /** Absent: nowhere in the files, such as a default of the old system. */
  readonly place: Place | undefined
  readonly text: string
}

/** Collects notes; each is kept once. */
export class Notes {
  readonly #notes = new Map<string, Note>()

  add(kind: NoteKind, place: Place | undefined, text: string): void {
    const note = { kind, place, text: plainLine(text) }
    this.#notes.set(noteText(note), note)
  }

  /** In the order in which they were added. */
  all(): readonly Note[] {
    return [...this.#notes.values()]
  }

  of(kind: NoteKind): readonly Note[] {
    return this.all().filter((note) => note.kind === kind)
  }
}

/** `vars.yml:12: the text` */
export const noteText = ({ place, text }: Note): string =>
  place === undefined ? text : `${placeText(place)}: ${text}`
