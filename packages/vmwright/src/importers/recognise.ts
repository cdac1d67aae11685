import type { Scope } from '../spec/ansible/scope.ts'
import type { SourceFiles } from '../spec/ansible/source.ts'
import { entriesOf, isSecretName, type Place } from '../spec/ansible/value.ts'

/** Why files are of a system. The one with the most reasons wins. */
export interface Recognition {
  /** Number of names that only this system has. */
  readonly score: number
  /** `kvm_template_catalog at vars.yml:3` */
  readonly reasons: readonly string[]
}

/** Recognises by names of variables wherever they stand at the top of a file. `undefined`: none of them is there. */
export function recogniseByNames(source: SourceFiles, names: readonly string[]): Recognition | undefined {
  const reasons: string[] = []
  for (const name of names) {
    const place = placeOfName(source, name)
    if (place !== undefined) reasons.push(`${name} at ${place.file}:${place.line}`)
  }
  return reasons.length === 0 ? undefined : { score: reasons.length, reasons }
}

export function placeOfName(source: SourceFiles, name: string): Place | undefined {
  for (const { root, role } of source.files) {
    const value = entriesOf(root).get(name)
    if (value !== undefined && role.kind !== 'inventory') return value.place
  }
  for (const { vars } of [...source.inventory.groups.values(), ...source.inventory.hosts.values()]) {
    const value = vars.entries.get(name)
    if (value !== undefined) return value.place
  }
  return undefined
}

/** Names of variables set anywhere that were not asked for; those of secrets included, their values not. */
export function unusedNames(
  source: SourceFiles,
  scopes: readonly Scope[],
  known: ReadonlySet<string>,
): readonly { readonly name: string; readonly place: Place; readonly isSecret: boolean }[] {
  const unused = new Map<string, Place>()
  for (const scope of scopes) {
    for (const name of scope.names) {
      const place = scope.written(name)?.place
      const isUsed = scopes.some(({ used }) => used.has(name))
      if (place !== undefined && !isUsed && !known.has(name) && name !== 'inventory_hostname')
        unused.set(name, place)
    }
  }
  return [...unused].map(([name, place]) => ({ name, place, isSecret: isSecretName(name) }))
}
