import type { Place } from './value.ts'

/** A file that is not what it should be, and where. No text of the file is in it. */
export class SourceFault extends Error {
  override readonly name = 'SourceFault'
  readonly place: Place
  readonly what: string
  readonly hint: string | undefined

  /** `what` goes on after the place: `is not valid UTF-8`. */
  constructor(place: Place, what: string, hint?: string) {
    super(`${place.file}:${place.line}: ${what}`)
    this.place = place
    this.what = what
    this.hint = hint === '' ? undefined : hint
  }
}
