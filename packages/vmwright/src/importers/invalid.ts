import { ProvisionError } from '../lib/errors.ts'
import { SourceFault } from '../spec/ansible/fault.ts'
import { type Place, placeText } from '../spec/ansible/value.ts'

/** `import.invalid` at a place of a file. */
export const invalid = (place: Place, what: string, hint?: string): ProvisionError =>
  new ProvisionError('import.invalid', {
    message: `${placeText(place)}: ${what}.`,
    ...(hint === undefined || hint === '' ? {} : { hint }),
    details: { file: place.file, line: place.line },
  })

/** What `read` returns; a fault of the file that it finds is thrown as `import.invalid`. */
export function orInvalid<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof SourceFault) throw invalid(error.place, error.what, error.hint)
    throw error
  }
}
