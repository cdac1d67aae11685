import type { ObservedVm } from '../../hypervisor/contract.ts'
import { isInside, withoutPrefix } from '../../lib/addresses.ts'
import type { InstanceSpec } from '../../spec/resolved.ts'
import { isOwn } from '../networks/definition.ts'
import type { Finding, HostFacts, PlanInput } from '../plan.ts'
import { finding, list } from './finding.ts'

/** Networks of the host that are missing or inactive, and addresses outside of them (C13). Not those that vmwright makes. */
export function networkFindings(
  input: PlanInput,
  facts: HostFacts,
  instances: readonly InstanceSpec[],
): readonly Finding[] {
  const { observed, spec } = facts
  const findings: Finding[] = []
  const nameOf = new Map(input.spec.networks.map(({ id, name }) => [id, name]))
  const own = new Set(input.spec.networks.filter(isOwn).map(({ name }) => name))
  const wanted = new Set(
    instances.flatMap(({ interfaces }) => interfaces.map((nic) => nameOf.get(nic.network) ?? nic.network)),
  )
  for (const name of wanted) {
    if (own.has(name)) continue
    const network = observed.networks.find((candidate) => candidate.name === name)
    if (network === undefined) {
      const existing = list(observed.networks.map((candidate) => candidate.name))
      findings.push(
        finding(
          'error',
          'network.not-found',
          `host ${spec.name}`,
          `There is no network ${name} on the host.`,
          `Networks that exist: ${existing}.`,
        ),
      )
    } else if (!network.active && !spec.startInactiveNetworks) {
      findings.push(
        finding(
          'error',
          'network.inactive',
          `host ${spec.name}`,
          `The network ${name} is not active.`,
          `Start it (virsh net-start ${name}), or set \`startInactiveNetworks: true\` for the host.`,
        ),
      )
    }
  }
  for (const instance of instances) {
    instance.interfaces.forEach((nic) => {
      const name = nameOf.get(nic.network) ?? nic.network
      const network = observed.networks.find((candidate) => candidate.name === name)
      if (network === undefined || network.subnets.length === 0 || own.has(name)) return
      for (const address of nic.addresses.map(withoutPrefix)) {
        if (network.subnets.some((subnet) => isInside(address, subnet))) continue
        findings.push(
          finding(
            'warning',
            'address.conflict',
            `instance ${instance.name}`,
            `The address ${address} is outside the network ${name} (${list(network.subnets)}).`,
            'The guest will not reach its gateway unless the network routes this address.',
          ),
        )
      }
    })
  }
  return findings
}

/** Addresses and MACs that other machines on the host have (duplicates inside the spec are the spec's own affair). */
export function conflictFindings(
  { observed }: HostFacts,
  instances: readonly InstanceSpec[],
): readonly Finding[] {
  const findings: Finding[] = []
  const declared = new Set(instances.map((instance) => instance.name))
  const others = observed.vms.filter((vm) => !declared.has(vm.name))
  const macOwner = new Map(
    others.flatMap((vm) => vm.interfaces.map((nic): [string, ObservedVm] => [nic.mac, vm])),
  )
  const leases = observed.networks.flatMap((network) => network.leases)
  for (const instance of instances) {
    const ownMacs = new Set(instance.interfaces.map((nic) => nic.mac))
    for (const nic of instance.interfaces) {
      const owner = macOwner.get(nic.mac)
      if (owner !== undefined) {
        findings.push(
          finding(
            'error',
            'address.conflict',
            `instance ${instance.name}`,
            `Its MAC ${nic.mac} belongs to the machine ${owner.name}.`,
            'Give the interface another `mac`.',
          ),
        )
      }
      for (const address of [...nic.addresses.map(withoutPrefix), ...nic.leases]) {
        const lease = leases.find((candidate) => candidate.address === address && !ownMacs.has(candidate.mac))
        if (lease === undefined) continue
        const who = macOwner.get(lease.mac)?.name ?? lease.hostname ?? lease.mac
        findings.push(
          finding(
            'error',
            'address.conflict',
            `instance ${instance.name}`,
            `Its address ${address} is leased to ${who}.`,
            'Choose an address outside the DHCP range, or wait until the lease ends.',
          ),
        )
      }
    }
  }
  return findings
}
