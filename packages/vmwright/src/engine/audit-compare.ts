/** What each guest should have for itself. */
export const auditedKinds = ['mac', 'address', 'machine-id', 'host-key', 'hostname'] as const
export type AuditedKind = (typeof auditedKinds)[number]

export interface AuditedGuest {
  readonly name: string
  readonly host: string
  readonly facts: Readonly<Record<AuditedKind, readonly string[]>>
}

export interface Duplicate {
  readonly kind: AuditedKind
  readonly value: string
  /** Those that share it, by name. */
  readonly guests: readonly string[]
}

/** Every value that two guests or more have. Pure. */
export function findDuplicates(guests: readonly AuditedGuest[]): readonly Duplicate[] {
  return auditedKinds.flatMap((kind) => {
    const owners = new Map<string, string[]>()
    for (const { name, facts } of guests)
      for (const value of new Set(facts[kind].map((each) => each.toLowerCase()))) {
        const known = owners.get(value)
        if (known === undefined) owners.set(value, [name])
        else known.push(name)
      }
    return [...owners]
      .filter(([, names]) => names.length > 1)
      .map(([value, names]) => ({ kind, value, guests: names.toSorted() }))
  })
}

/** Addresses that do not leave their link, and such as every guest has. */
export const isSharedByNature = (address: string): boolean =>
  /^(?:127\.|169\.254\.|::1$|fe80:)/i.test(address)
