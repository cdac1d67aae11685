import { composeServices } from '../compose.ts'
import { asFork } from '../engine/fork-plan.ts'
import { listForks } from '../engine/fork-remove.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { withView } from './attempt.ts'
import type { CliContext } from './context.ts'
import { load, requireInstance } from './load.ts'
import type { SpecOptions } from './options.ts'

/**
 * The instance of that name, or the fork, as it would be declared. Hosts are asked only where the spec does not know the
 * name. Throws `spec.unknown-name`.
 */
export async function loadInstanceOrFork(
  context: CliContext,
  options: SpecOptions,
  name: string,
): Promise<{ readonly spec: ResolvedSpec; readonly instance: InstanceSpec }> {
  const { spec } = await load(context, options)
  const isDeclared = spec.instances.some((each) => each.name === name || each.group === name)
  if (isDeclared) return { spec, instance: requireInstance(spec, name) }
  const services = composeServices(spec, context)
  const { forks } = await withView(context, {}, (progress) => listForks(progress, { spec, services }))
  const fork = forks.find((each) => each.name === name)
  const original = spec.instances.find((each) => each.name === fork?.of)
  if (fork === undefined || original === undefined) return { spec, instance: requireInstance(spec, name) }
  return { spec, instance: { ...asFork(spec, original, name), host: fork.host } }
}
