import type { ApplyRequest, Stage } from '../plan/plan.ts'
import { narrow } from '../spec/narrow.ts'
import type { ResolvedSpec } from '../spec/resolved.ts'

/** The options of `plan` and `apply` as commander gives them. */
export interface RequestOptions {
  readonly stage: Stage
  readonly adopt: readonly string[]
  readonly replace: readonly string[]
  readonly reseed: readonly string[]
  readonly restart: readonly string[]
  readonly reuseDisks: readonly string[]
  readonly refreshImages: boolean
}

export const requestOf = (spec: ResolvedSpec, options: RequestOptions): ApplyRequest => ({
  stage: options.stage,
  adopt: nameSet(spec, options.adopt),
  replace: nameSet(spec, options.replace),
  reseed: nameSet(spec, options.reseed),
  restart: nameSet(spec, options.restart),
  restartNetworks: new Set(),
  reuseDisks: nameSet(spec, options.reuseDisks),
  refreshImages: options.refreshImages,
})

/** Names and groups to instance names; `all` is every instance. Throws `spec.unknown-name`. */
export function nameSet(spec: ResolvedSpec, names: readonly string[]): ReadonlySet<string> {
  if (names.length === 0) return new Set()
  const instances = names.includes('all') ? spec.instances : narrow(spec, names).instances
  return new Set(instances.map((instance) => instance.name))
}
