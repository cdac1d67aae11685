import type { PlanBuilder } from '../builder.ts'
import type { Change, Finding, HostFacts, PlanInput, ResourceChange } from '../plan.ts'
import { finding, list } from '../preflight/finding.ts'

/**
 * Removes the networks and rules that bear the mark of the project, in the spec or not, from each host where no machine of
 * the project is left (K11). A part of a spec that is removed leaves them as they are, reservations too: these follow
 * from the spec, which still has the part. A network that somebody else's machine has stays. Call it after the steps
 * that remove machines.
 */
export function addNetworkRemovals(
  input: PlanInput,
  builder: PlanBuilder,
  changes: readonly Change[],
): { readonly resources: readonly ResourceChange[]; readonly findings: readonly Finding[] } {
  const resources: ResourceChange[] = []
  const findings: Finding[] = []
  const destroyed = Map.groupBy(
    changes.filter(({ action }) => action === 'destroy'),
    ({ host }) => host,
  )
  for (const [host, facts] of input.hosts) {
    const going = new Set((destroyed.get(host) ?? []).map(({ instance }) => instance))
    const ofHost = removalsOf(input, facts, going, builder)
    resources.push(...ofHost.resources)
    findings.push(...ofHost.findings)
  }
  return { resources, findings }
}

function removalsOf(
  { spec: { project } }: PlanInput,
  { observed, rules, spec: { name: host } }: HostFacts,
  going: ReadonlySet<string>,
  builder: PlanBuilder,
) {
  const resources: ResourceChange[] = []
  const findings: Finding[] = []
  const staying = observed.vms.filter(({ name }) => !going.has(name))
  if (staying.some(({ mark }) => mark?.project === project)) return { resources, findings }

  const removed = builder.steps
    .filter((step) => step.host === host && step.kind === 'undefine-vm')
    .map(({ id }) => id)
  const reason = 'no machine of the project is left there'
  const removeRules = (network: string): readonly string[] => {
    if (!rules.some((each) => each.project === project && each.network === network)) return []
    resources.push({ kind: 'rules', name: network, host, action: 'remove', reason, fields: [] })
    const title = `remove the forwarding rules of network ${network}`
    const text = { title, reason, detail: network, after: removed }
    return [builder.add('remove-rules', { host }, { owner: { project, network } }, text)]
  }

  const networks = observed.networks.flatMap(({ name, mark }) =>
    mark?.project === project ? [{ name, mark }] : [],
  )
  for (const { name, mark } of networks) {
    const users = staying.filter((vm) => vm.interfaces.some(({ network }) => network === name))
    if (users.length > 0) {
      const message = `The network ${name} stays on ${host}, with its rules: ${list(users.map((vm) => vm.name))} have it, which this project did not make.`
      const hint = 'Give these machines another network, then run the command again.'
      findings.push(finding('warning', 'network.in-use', `network ${mark.network} on ${host}`, message, hint))
      continue
    }
    // Rules first: as long as the network is there, its mark says whose the rules are.
    const after = [...removed, ...removeRules(name)]
    resources.push({ kind: 'network', name, host, action: 'remove', reason, fields: [] })
    const text = { title: `remove network ${name}`, reason, detail: name, after }
    builder.add('remove-network', { host }, { network: { ...mark, name } }, text)
  }
  for (const { project: owner, network } of rules) {
    const isThere = observed.networks.some(({ name, mark }) => name === network && mark?.project === project)
    if (owner === project && !isThere) removeRules(network)
  }
  return { resources, findings }
}
