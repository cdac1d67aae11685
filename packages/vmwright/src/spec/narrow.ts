import { ProvisionError } from '../lib/errors.ts'
import { hintForUnknown } from './nearest.ts'
import type { ResolvedSpec } from './resolved.ts'

/**
 * The spec with only the instances named, by their own name or that of their group; all of them when none is
 * named. Throws `spec.unknown-name`.
 */
export function narrow(spec: ResolvedSpec, names: readonly string[]): ResolvedSpec {
  if (names.length === 0) return spec
  const known = new Set(spec.instances.flatMap(({ name, group }) => [name, group]))
  const unknown = names.filter((name) => !known.has(name))
  const [first] = unknown
  if (first !== undefined) {
    throw new ProvisionError('spec.unknown-name', {
      message: `${spec.file} has no instance or group ${unknown.join(', ')}.`,
      hint: hintForUnknown(first, known),
      details: { unknown, known: [...known] },
    })
  }
  return {
    ...spec,
    instances: spec.instances.filter(({ name, group }) => names.includes(name) || names.includes(group)),
  }
}
