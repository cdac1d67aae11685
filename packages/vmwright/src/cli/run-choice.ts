import { ProvisionError } from '../lib/errors.ts'
import type { LifecycleAction } from '../spec/resolved-lifecycle.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import type { Loaded } from './load.ts'

/** What the command line says of guests in place of the spec. */
export interface RunChoice {
  readonly platform?: string
  readonly target?: string
  readonly allow?: readonly LifecycleAction[]
  readonly skip?: readonly LifecycleAction[]
  readonly revision?: string
}

/** The guests that are meant, and with them the spec, as the command line wants them. Throws `spec.unknown-name`. Pure. */
export function asAsked(
  { spec, instances }: Pick<Loaded, 'spec' | 'instances'>,
  choice: RunChoice,
): Pick<Loaded, 'spec' | 'instances'> {
  const chosen = instances.filter(
    ({ matrix }) =>
      (choice.platform === undefined || matrix?.platform === choice.platform) &&
      (choice.target === undefined || matrix?.target === choice.target),
  )
  if (chosen.length === 0 && instances.length > 0) throw nobody(instances, choice)
  const changed = new Map(chosen.map((instance) => [instance.name, changedBy(instance, choice)]))
  return {
    spec: { ...spec, instances: spec.instances.map((each) => changed.get(each.name) ?? each) },
    instances: [...changed.values()],
  }
}

function changedBy(instance: InstanceSpec, { allow, skip = [], revision }: RunChoice): InstanceSpec {
  const { lifecycle } = instance
  return {
    ...instance,
    lifecycle: {
      ...lifecycle,
      allowed: (allow ?? lifecycle.allowed).filter((action) => !skip.includes(action)),
      ...(revision === undefined
        ? {}
        : {
            revision:
              revision === 'auto'
                ? ({ kind: 'auto' } as const)
                : ({ kind: 'fixed', value: revision } as const),
          }),
    },
  }
}

function nobody(instances: readonly InstanceSpec[], { platform, target }: RunChoice): ProvisionError {
  const places = instances.flatMap(({ matrix }) =>
    matrix === undefined ? [] : [`${matrix.platform}/${matrix.target}`],
  )
  return new ProvisionError('spec.unknown-name', {
    message: `No guest is of ${[
      ...(platform === undefined ? [] : [`the platform ${platform}`]),
      ...(target === undefined ? [] : [`the target ${target}`]),
    ].join(' and ')}.`,
    hint: places.length === 0 ? 'The spec has no matrix.' : `There are ${[...new Set(places)].join(', ')}.`,
    details: { platform, target, known: places },
  })
}
