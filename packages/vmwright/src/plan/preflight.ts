import type { ObservedVm } from '../hypervisor/contract.ts'
import { isInside, withoutPrefix } from '../lib/addresses.ts'
import { formatBytes, MiB } from '../lib/units.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { imagePool, vmPlan } from './naming.ts'
import type { ApplyInput, Finding, HostFacts, PlanInput } from './plan.ts'

export interface PreflightScope {
  /** Instances that do not exist yet, or are made anew. */
  readonly toCreate: readonly InstanceSpec[]
  /** Instances that get a new seed: those to create, and those to reseed. */
  readonly toSeed: readonly InstanceSpec[]
}

/** Looks at everything that can be known to fail before anything is done (C13, C15). All findings, not the first. */
export function preflight(input: ApplyInput, { toCreate, toSeed }: PreflightScope): readonly Finding[] {
  const findings: Finding[] = []
  for (const [name, facts] of input.hosts) {
    const mine = input.instances.filter((instance) => instance.host === name)
    const creating = toCreate.filter((instance) => instance.host === name)
    findings.push(
      ...networkFindings(input, facts, mine),
      ...poolFindings(input, facts, mine),
      ...capabilityFindings(facts, creating),
      ...capacityFindings(input, facts, creating),
      ...conflictFindings(facts, mine),
    )
  }
  return [...findings, ...secretFindings(input, toSeed)]
}

const secretFindings = (
  { missingSecrets }: ApplyInput,
  toSeed: readonly InstanceSpec[],
): readonly Finding[] =>
  toSeed.flatMap(({ name }) =>
    (missingSecrets.get(name) ?? []).map(({ message, hint }) =>
      finding('error', 'secret.unavailable', `instance ${name}`, message, hint),
    ),
  )

const finding = (
  severity: Finding['severity'],
  code: Finding['code'],
  object: string,
  message: string,
  hint?: string,
): Finding => ({
  severity,
  code,
  object,
  message,
  hint,
})

const list = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.toSorted().join(', '))

function networkFindings(
  input: PlanInput,
  facts: HostFacts,
  instances: readonly InstanceSpec[],
): readonly Finding[] {
  const { observed, spec } = facts
  const findings: Finding[] = []
  const wanted = new Set(instances.flatMap((instance) => vmPlan(input.spec, instance).networks))
  for (const name of wanted) {
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
    instance.interfaces.forEach((nic, index) => {
      const name = vmPlan(input.spec, instance).networks[index]
      const network = observed.networks.find((candidate) => candidate.name === name)
      if (network === undefined || network.subnets.length === 0) return
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

function poolFindings(
  input: PlanInput,
  facts: HostFacts,
  instances: readonly InstanceSpec[],
): readonly Finding[] {
  const { observed, spec } = facts
  const host = `host ${spec.name}`
  const used = input.spec.pools.filter((pool) => instances.some((instance) => instance.pool === pool.id))
  const problem = (message: string, hint: string): Finding =>
    finding('error', 'pool.not-found', host, message, hint)
  const at = (name: string) => observed.pools.find((candidate) => candidate.name === name)
  const elsewhere = (name: string, path: string, hint: string): readonly Finding[] => {
    const there = at(name)?.path
    return there === undefined || there === path
      ? []
      : [problem(`The storage pool ${name} is at ${there}, not at ${path}.`, hint)]
  }

  const images = imagePool(spec)
  return [
    ...(instances.length === 0
      ? []
      : elsewhere(
          images.name,
          images.path,
          `Set \`imageCache\` of the host to the path that it has, or remove the pool: virsh pool-destroy and pool-undefine ${images.name}`,
        )),
    ...used.flatMap((pool) => {
      if (pool.kind === 'path')
        return elsewhere(
          pool.name,
          pool.path,
          `Give the pool \`${pool.id}\` another name in the spec, or the path that it has.`,
        )
      const there = at(pool.name)
      if (there === undefined) {
        const existing = list(observed.pools.map((candidate) => candidate.name))
        return [
          problem(
            `There is no storage pool ${pool.name} on the host.`,
            `Pools that exist: ${existing}. Or give the pool a \`path\`.`,
          ),
        ]
      }
      return there.active
        ? []
        : [problem(`The storage pool ${pool.name} is not active.`, `Start it: virsh pool-start ${pool.name}`)]
    }),
  ]
}

function capabilityFindings(
  { can, spec, observed }: HostFacts,
  creating: readonly InstanceSpec[],
): readonly Finding[] {
  const findings: Finding[] = []
  const lacking = (names: readonly InstanceSpec[], what: string, hint: string): void => {
    if (names.length === 0) return
    findings.push(
      finding(
        'error',
        'host.missing-capability',
        `host ${spec.name}`,
        `The host has no ${what}, which ${list(names.map((each) => each.name))} need.`,
        hint,
      ),
    )
  }
  const uefi = creating.filter((instance) => instance.firmware === 'uefi')
  if (!can.uefi)
    lacking(
      uefi,
      'UEFI firmware',
      'Install it on the host (Debian: apt-get install ovmf), or set `firmware: bios`.',
    )
  else if (!can.secureBoot) {
    lacking(
      uefi.filter((instance) => instance.secureBoot),
      'UEFI firmware with secure boot',
      'Install it on the host, or set `secureBoot: false`.',
    )
  }
  for (const instance of creating) {
    if (instance.snapshot !== undefined && can.stoppedSnapshot[instance.firmware] === 'none') {
      findings.push(
        finding(
          'error',
          'snapshot.unsupported',
          `instance ${instance.name}`,
          `The host cannot make snapshots of ${instance.firmware} machines.`,
          'Set `snapshot: false`.',
        ),
      )
    }
    if (instance.vcpus > observed.cpus) {
      findings.push(
        finding(
          'warning',
          'host.no-space',
          `instance ${instance.name}`,
          `It wants ${instance.vcpus} CPUs; the host has ${observed.cpus}.`,
          'Guests with more CPUs than the host are slow.',
        ),
      )
    }
  }
  return findings
}

function capacityFindings(
  input: PlanInput,
  facts: HostFacts,
  creating: readonly InstanceSpec[],
): readonly Finding[] {
  const { observed, spec, cachedImages } = facts
  const findings: Finding[] = []
  for (const instance of creating) {
    if (instance.memoryMib > observed.memoryMib && observed.memoryMib > 0) {
      findings.push(
        finding(
          'error',
          'host.no-space',
          `instance ${instance.name}`,
          `It wants ${instance.memoryMib} MiB of memory; the host has ${observed.memoryMib} MiB in all.`,
          'Lower `memory`.',
        ),
      )
    }
    const image = cachedImages.get(instance.image)
    if (image !== undefined && image.virtualSizeBytes > instance.rootDisk.sizeMib * MiB) {
      findings.push(
        finding(
          'error',
          'disk.shrink-refused',
          `instance ${instance.name}`,
          `Its disk of ${formatBytes(instance.rootDisk.sizeMib * MiB)} is smaller than the image ${instance.image} (${formatBytes(image.virtualSizeBytes)}).`,
          `Set \`rootDisk.size\` to at least ${formatBytes(image.virtualSizeBytes)}.`,
        ),
      )
    }
  }
  const memoryMib = creating.reduce((sum, instance) => sum + instance.memoryMib, 0)
  if (memoryMib > observed.freeMemoryMib && observed.freeMemoryMib > 0) {
    findings.push(
      finding(
        'warning',
        'host.no-space',
        `host ${spec.name}`,
        `The new machines want ${memoryMib} MiB of memory; ${observed.freeMemoryMib} MiB are free now.`,
        'Some may not start, or the host may swap.',
      ),
    )
  }
  for (const pool of observed.pools) {
    const here = creating.filter((instance) => vmPlan(input.spec, instance).root.pool === pool.name)
    const copies = here.filter((instance) => instance.rootDisk.mode === 'copy')
    const needed =
      copies.reduce((sum, instance) => sum + (cachedImages.get(instance.image)?.sizeBytes ?? 0), 0) +
      here.length * MiB
    if (pool.active && needed > pool.freeBytes) {
      findings.push(
        finding(
          'error',
          'pool.full',
          `host ${spec.name}`,
          `The pool ${pool.name} has ${formatBytes(pool.freeBytes)} free; the new disks need ${formatBytes(needed)} at once.`,
          `Free space in ${pool.path ?? pool.name}.`,
        ),
      )
    }
  }
  return findings
}

/** Addresses and MACs that other machines on the host have (duplicates inside the spec are the spec's own affair). */
function conflictFindings({ observed }: HostFacts, instances: readonly InstanceSpec[]): readonly Finding[] {
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
      for (const address of nic.addresses.map(withoutPrefix)) {
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
