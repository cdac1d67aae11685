import type { InstanceStatus } from '@vmwright/contract'
import type { ObservedHost, ObservedVm } from '../hypervisor/contract.ts'
import { withoutPrefix } from '../lib/addresses.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { compareVm } from './compare.ts'
import { restsOn } from './overlays.ts'
import { changedTemplate } from './template-drift.ts'
import { asMade, vmPlan } from './vm-plan.ts'
import type { TemplateFacts } from '../templates/facts.ts'

/** What there is of one declared instance. `extraAddresses` are those that a run learned from the guest itself. */
export function instanceStatus(
  spec: ResolvedSpec,
  instance: InstanceSpec,
  host: ObservedHost | undefined,
  extraAddresses: readonly string[] = [],
  templates: ReadonlyMap<string, TemplateFacts> = new Map(),
): InstanceStatus {
  const observed = host?.vms.find((vm) => vm.name === instance.name)
  const base = { name: instance.name, host: instance.host, image: instance.source.id }
  if (observed === undefined || host === undefined) {
    return {
      ...base,
      state: host === undefined ? 'unknown' : 'absent',
      provision: 'none',
      addresses: [],
      snapshots: [],
      drift: [],
    }
  }
  const isOurs = observed.mark?.project === spec.project
  const addresses = observed.state === 'running' ? addressesOf(instance, observed, host, extraAddresses) : []
  return {
    ...base,
    state: observed.state,
    provision: isOurs ? (observed.mark?.stage ?? 'none') : 'foreign',
    addresses,
    ...(isOurs && addresses.length > 0 ? { login: `vmwright ssh ${instance.name}` } : {}),
    snapshots: observed.snapshots,
    ...baseOf(spec, observed, host),
    drift: isOurs ? driftOf(spec, instance, observed, host, templates) : [],
  }
}

function baseOf(
  spec: ResolvedSpec,
  observed: ObservedVm,
  host: ObservedHost,
): Pick<InstanceStatus, 'restsOn'> {
  const base = spec.templates.find(({ domain }) => {
    const template = host.vms.find((vm) => vm.name === domain)
    return template !== undefined && template !== observed && restsOn(host, observed, template)
  })
  return base === undefined ? {} : { restsOn: base.domain }
}

function addressesOf(
  instance: InstanceSpec,
  observed: ObservedVm,
  host: ObservedHost,
  extra: readonly string[],
): readonly string[] {
  const declared = instance.interfaces.flatMap((nic) => nic.addresses.map(withoutPrefix))
  const macs = new Set(observed.interfaces.map((nic) => nic.mac))
  const leased = host.networks.flatMap((network) =>
    network.leases.filter((lease) => macs.has(lease.mac)).map((lease) => lease.address),
  )
  return [...new Set([...declared, ...extra, ...leased])]
}

function driftOf(
  spec: ResolvedSpec,
  instance: InstanceSpec,
  observed: ObservedVm,
  host: ObservedHost,
  templates: ReadonlyMap<string, TemplateFacts>,
): readonly string[] {
  if (observed.mark === undefined) return []
  const { fields, shrink } = compareVm(
    asMade(vmPlan(spec, instance, host), observed.mark, observed),
    observed,
    host,
  )
  const changed = changedTemplate(spec, host, observed, templates)
  return [
    ...fields.map((field) => `${field.field}: ${field.from} → ${field.to} (${field.how})`),
    ...shrink.map((disk) => `disk ${disk.device}: larger than the spec says`),
    ...(changed === undefined ? [] : [`template ${changed}: its disks changed under this overlay`]),
  ]
}
