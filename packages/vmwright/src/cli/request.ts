import { ProvisionError } from '../lib/errors.ts'
import type { ApplyRequest, Stage } from '../plan/plan.ts'
import { narrow } from '../spec/narrow.ts'
import { hintForUnknown } from '../spec/nearest.ts'
import type { ResolvedSpec } from '../spec/resolved.ts'

/** The options of `plan` and `apply` as commander gives them. */
export interface RequestOptions {
  readonly stage: Stage
  readonly adopt: readonly string[]
  readonly replace: readonly string[]
  readonly reseed: readonly string[]
  readonly restart: readonly string[]
  readonly restartNetwork: readonly string[]
  readonly reuseDisks: readonly string[]
  readonly refreshImages: boolean
}

export const requestOf = (spec: ResolvedSpec, options: RequestOptions): ApplyRequest => ({
  stage: options.stage,
  adopt: nameSet(spec, options.adopt),
  replace: nameSet(spec, options.replace),
  reseed: nameSet(spec, options.reseed),
  restart: nameSet(spec, options.restart),
  restartNetworks: networkSet(spec, options.restartNetwork),
  reuseDisks: nameSet(spec, options.reuseDisks),
  refreshImages: options.refreshImages,
})

/** Names and groups to instance names; `all` is every instance. Throws `spec.unknown-name`. */
export function nameSet(spec: ResolvedSpec, names: readonly string[]): ReadonlySet<string> {
  if (names.length === 0) return new Set()
  const instances = names.includes('all') ? spec.instances : narrow(spec, names).instances
  return new Set(instances.map((instance) => instance.name))
}

/** Keys or names of networks that vmwright makes, to their keys. Throws `spec.unknown-name`. */
export function networkSet(spec: ResolvedSpec, names: readonly string[]): ReadonlySet<string> {
  const own = spec.networks.filter((network) => network.own !== undefined)
  return new Set(
    names.map((name) => {
      const known = own.find((network) => network.id === name) ?? own.find((network) => network.name === name)
      if (known !== undefined) return known.id
      const isOthers = spec.networks.some((network) => network.id === name || network.name === name)
      const keys = own.map(({ id }) => id)
      throw new ProvisionError('spec.unknown-name', {
        message: isOthers
          ? `The network ${name} was not made by vmwright, which leaves it as it is.`
          : `${spec.file} has no network ${name}.`,
        hint: isOthers
          ? `Networks of the spec's own: ${keys.join(', ') || 'none'}.`
          : hintForUnknown(name, keys),
        details: { unknown: [name], known: keys },
      })
    }),
  )
}
