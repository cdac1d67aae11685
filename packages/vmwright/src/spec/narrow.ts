import { ProvisionError } from '../lib/errors.ts'
import { hintForUnknown } from './nearest.ts'
import type { InstanceSpec, ResolvedSpec } from './resolved.ts'

/**
 * The spec with only the instances named, by their own name, that of their group, or that of their platform or
 * target; all of them when none is
 * named. Throws `spec.unknown-name`.
 */
export function narrow(spec: ResolvedSpec, names: readonly string[]): ResolvedSpec {
  if (names.length === 0) return spec
  const known = new Set(spec.instances.flatMap(namesOf))
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
    instances: spec.instances.filter((instance) => namesOf(instance).some((name) => names.includes(name))),
  }
}

const namesOf = ({ name, group, matrix }: InstanceSpec): readonly string[] => [
  name,
  group,
  ...(matrix === undefined ? [] : [matrix.platform, matrix.target]),
]
