import type { InstanceStatus } from '@vmwright/contract'
import { formatTable } from './table.ts'

/** The final table: name, state, address, how to log in. `ssh` is the command to type before the name. */
export function renderInstances(instances: readonly InstanceStatus[], ssh: string): string {
  if (instances.length === 0) return 'No instances.\n'
  const rows = instances.map((each) => [
    each.name,
    each.host,
    stateText(each),
    each.addresses.join(', ') || '-',
    each.login === undefined ? '-' : `${ssh} ${each.name}`,
  ])
  const drift = instances.flatMap((each) => each.drift.map((text) => `  ${each.name}: ${text}\n`))
  const problems = [
    ...Map.groupBy(
      instances.filter(({ problem }) => problem !== undefined),
      ({ problem }) => problem,
    ),
  ].map(([problem, some]) => `  ${some.map(({ name }) => name).join(', ')}: ${problem}\n`)
  const bases = Map.groupBy(
    instances.filter(({ restsOn }) => restsOn !== undefined),
    ({ host, restsOn }) => `${restsOn} on ${host}`,
  )
  const protectedBases = [...bases].map(
    ([base, overlays]) => `  ${base}: ${overlays.map(({ name }) => name).join(', ')}\n`,
  )
  return (
    formatTable(['NAME', 'HOST', 'STATE', 'ADDRESS', 'LOG IN WITH'], rows) +
    (protectedBases.length > 0
      ? `\nOverlays of templates, which must not change:\n${protectedBases.join('')}`
      : '') +
    (drift.length > 0 ? `\nDiffers from the spec:\n${drift.join('')}` : '') +
    (problems.length > 0 ? `\nNot to be known for certain:\n${problems.join('')}` : '')
  )
}

function stateText(instance: InstanceStatus): string {
  if (instance.provision === 'foreign') return `${instance.state}, not ours`
  if (instance.state === 'absent' || instance.state === 'unknown') return instance.state
  return instance.provision === 'provisioned' ? instance.state : `${instance.state}, ${instance.provision}`
}
