import type { Carrier } from './carrier.ts'
import type { Setting } from './importer.ts'
import type { Scope } from '../spec/ansible/scope.ts'
import { unusedNames } from './recognise.ts'
import type { SourceFiles } from '../spec/ansible/source.ts'
import { entriesOf, type Value } from '../spec/ansible/value.ts'

/** Tells of every variable that the importer does not know and no expression uses. Values are not shown. */
export function tellUnknown(
  carrier: Carrier,
  source: SourceFiles,
  scopes: readonly Scope[],
  settings: readonly Setting[],
): void {
  const known = new Set(settings.map(({ name }) => name))
  for (const { name, place, isSecret } of unusedNames(source, scopes, known)) {
    if (name.startsWith('ansible_')) continue
    const what = isSecret ? 'a secret that nothing here uses' : 'not known here, and not taken over'
    carrier.notes.add('question', place, `${shown(name)}: ${what}`)
  }
}

/** Tells of every setting that is there and has no field, with the reason of the table. */
export function tellNoEqual(carrier: Carrier, scopes: readonly Scope[], settings: readonly Setting[]): void {
  for (const { name, to, note } of settings) {
    if (to !== undefined || note === undefined) continue
    const scope = scopes.find(({ names }) => names.includes(name))
    const place = scope?.written(name)?.place
    if (place !== undefined) carrier.notes.add('no-equal', place, `${name}: ${note}`)
  }
}

/** Tells of keys of a mapping that are not in the table as `<kind>.<key>`. */
export function tellUnknownKeys(
  carrier: Carrier,
  kind: string,
  value: Value,
  settings: readonly Setting[],
): void {
  for (const [key, { place }] of entriesOf(value)) {
    const setting = settings.find(({ name }) => name === `${kind}.${key}`)
    if (setting?.to === undefined && setting?.note !== undefined)
      carrier.notes.add('no-equal', place, `${key}: ${setting.note}`)
    else if (setting === undefined)
      carrier.notes.add('question', place, `${shown(key)}: not known here, and not taken over`)
  }
}

const shown = (name: string): string => (/^[\w.-]{1,80}$/.test(name) ? name : 'a name with unusual signs')
