import type { Finding, HostFacts, PlanInput } from '../plan.ts'
import { finding } from '../preflight/finding.ts'
import { neededNetworks } from './needed.ts'

/** Networks of ours on a host that no instance of the spec uses any more: they stay, and that is told. */
export function unneededFindings(
  { spec }: PlanInput,
  { observed, spec: { name: host } }: HostFacts,
): readonly Finding[] {
  const needed = new Set(neededNetworks(spec, host, spec.instances).map(({ id }) => id))
  return observed.networks
    .filter(({ mark }) => mark?.project === spec.project && !needed.has(mark.network))
    .map(({ name, mark }) => {
      const isDeclared = spec.networks.some(({ id, own }) => id === mark?.network && own !== undefined)
      const why = isDeclared ? `no instance on ${host} uses it` : 'the spec does not have it'
      return finding(
        'warning',
        'network.in-use',
        `network ${mark?.network} on ${host}`,
        `The network ${name} was made by vmwright for this project, and ${why}. It is left as it is.`,
        `Remove it on the host when nobody needs it: virsh net-destroy ${name} and virsh net-undefine ${name}. \`vmwright destroy\` of everything removes it too.`,
      )
    })
}
