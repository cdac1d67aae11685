import { formatBytes, MiB } from '../../lib/units.ts'
import type { VmPlan } from '../vm-plan.ts'
import type { Finding, HostFacts } from '../plan.ts'
import { finding, list } from './finding.ts'

/** What the host lacks for the machines to create. */
export function capabilityFindings(
  { can, spec, observed }: HostFacts,
  creating: readonly VmPlan[],
): readonly Finding[] {
  const findings: Finding[] = []
  const lacking = (names: readonly VmPlan[], what: string, hint: string): void => {
    if (names.length === 0) return
    findings.push(
      finding(
        'error',
        'host.missing-capability',
        `host ${spec.name}`,
        `The host has no ${what}, which ${list(names.map(({ instance }) => instance.name))} need.`,
        hint,
      ),
    )
  }
  findings.push(...architectureFindings({ can, spec }, creating))
  const uefi = creating.filter(
    ({ firmware, instance }) =>
      firmware === 'uefi' && (instance.processor?.architecture ?? can.architecture) === can.architecture,
  )
  if (!can.uefi)
    lacking(
      uefi,
      'UEFI firmware',
      'Install it on the host (Debian: apt-get install ovmf), or set `firmware: bios`.',
    )
  else if (!can.secureBoot) {
    lacking(
      uefi.filter(({ secureBoot }) => secureBoot),
      'UEFI firmware with secure boot',
      'Install it on the host, or set `secureBoot: false`.',
    )
  }
  for (const { instance, source } of creating) {
    if (source.kind !== 'image' || !source.image.sources.every(({ kind }) => kind === 'host')) continue
    findings.push(
      finding(
        'error',
        'image.not-found',
        `instance ${instance.name}`,
        `Its image ${source.image.id} is one that a Hyper-V host has already; ${spec.name} has no images of its own.`,
        'Give the image a `url`, `file` or `build`, or put the instance on a host that has it.',
      ),
    )
  }
  for (const { instance, firmware } of creating) {
    if (instance.snapshot !== undefined && can.stoppedSnapshot[firmware] === 'none') {
      findings.push(
        finding(
          'error',
          'snapshot.unsupported',
          `instance ${instance.name}`,
          `The host cannot make snapshots of ${firmware} machines.`,
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

/** Debian's packages with the emulator of an architecture, and with its firmware. */
const emulators: Readonly<Record<string, string>> = {
  x86_64: 'qemu-system-x86',
  aarch64: 'qemu-system-arm qemu-efi-aarch64',
  armv7l: 'qemu-system-arm qemu-efi-arm',
  ppc64le: 'qemu-system-ppc',
  riscv64: 'qemu-system-misc',
  s390x: 'qemu-system-misc',
}

/** G7. An emulator that is named by its path may be one that libvirt does not know. */
function architectureFindings(
  { can, spec }: Pick<HostFacts, 'can' | 'spec'>,
  creating: readonly VmPlan[],
): readonly Finding[] {
  const lacking = Map.groupBy(
    creating.filter(({ instance: { processor } }) => processor?.emulator === undefined),
    ({ instance: { processor } }) => processor?.architecture ?? can.architecture,
  )
  return [...lacking].flatMap(([architecture, vms]): readonly Finding[] => {
    if (architecture === can.architecture || can.architectures.includes(architecture)) return []
    const names = list(vms.map(({ instance }) => instance.name))
    return [
      finding(
        'error',
        'host.missing-capability',
        `host ${spec.name}`,
        `The host cannot emulate ${architecture}, which ${names} ${vms.length === 1 ? 'needs' : 'need'}; it can have guests of ${can.architectures.join(', ')}.`,
        `Install its emulator on the host (Debian: apt-get install ${emulators[architecture] ?? 'qemu-system'}), or take another host.`,
      ),
    ]
  })
}

/** Whether they fit: memory, disks smaller than their image, room in the pools. */
export function capacityFindings(facts: HostFacts, creating: readonly VmPlan[]): readonly Finding[] {
  const { observed, spec, cachedImages } = facts
  const findings: Finding[] = []
  for (const { instance, source, disks } of creating) {
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
    const base = source.kind === 'image' ? cachedImages.get(source.image.id) : undefined
    const sizeBytes = disks[0]?.sizeBytes ?? 0
    if (base !== undefined && base.virtualSizeBytes > sizeBytes) {
      findings.push(
        finding(
          'error',
          'disk.shrink-refused',
          `instance ${instance.name}`,
          `Its disk of ${formatBytes(sizeBytes)} is smaller than the image ${instance.source.id} (${formatBytes(base.virtualSizeBytes)}).`,
          `Set \`rootDisk.size\` to at least ${formatBytes(base.virtualSizeBytes)}.`,
        ),
      )
    }
  }
  const memoryMib = creating.reduce((sum, { instance }) => sum + instance.memoryMib, 0)
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
    const here = creating.filter((vm) => vm.pool === pool.name)
    const copies = here.flatMap(({ source, instance }) =>
      source.kind === 'image' && instance.rootDisk.mode === 'copy' ? [source.image.id] : [],
    )
    const needed =
      copies.reduce((sum, id) => sum + (cachedImages.get(id)?.sizeBytes ?? 0), 0) + here.length * MiB
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
