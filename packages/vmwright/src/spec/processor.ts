import type { InstanceDocument } from '@vmwright/contract'
import type { Member } from './groups.ts'
import type { Report } from './report.ts'
import type { InstanceSpec, ProcessorSpec } from './resolved.ts'

type Architecture = NonNullable<InstanceDocument['architecture']>

/** What guests of an architecture have where nothing else is said; `undefined` is that of the host, taken as x86. */
interface Nature {
  readonly machine: string
  readonly firmware: 'bios' | 'uefi'
}

const x86: Nature = { machine: 'q35', firmware: 'uefi' }
const natures: Readonly<Record<Architecture, Nature>> = {
  x86_64: x86,
  aarch64: { machine: 'virt', firmware: 'uefi' },
  armv7l: { machine: 'virt', firmware: 'uefi' },
  riscv64: { machine: 'virt', firmware: 'uefi' },
  ppc64le: { machine: 'pseries', firmware: 'bios' },
  s390x: { machine: 's390-ccw-virtio', firmware: 'bios' },
}

export const natureOf = (architecture: Architecture | undefined): Nature =>
  architecture === undefined ? x86 : natures[architecture]

export function resolveProcessor({
  architecture,
  cpu,
  emulator,
}: InstanceDocument): ProcessorSpec | undefined {
  const model = cpu === 'host' ? undefined : cpu
  return architecture === undefined && model === undefined && emulator === undefined
    ? undefined
    : { architecture, model, emulator }
}

/** Tells a machine, firmware or bus that the architecture does not have. */
export function checkProcessor(
  { settings: { architecture }, layers }: Member,
  { machine, firmware, seedBus }: Pick<InstanceSpec, 'machine' | 'firmware' | 'seedBus'>,
  report: Report,
): void {
  const nature = natureOf(architecture)
  const isX86 = nature === x86
  const machineIsX86 = /^(q35|pc|isapc|microvm)$|^pc-/.test(machine)
  const machineIsOther = /^(virt|pseries|s390-ccw-virtio)(-|$)/.test(machine)
  if (architecture !== undefined && (isX86 ? machineIsOther : machineIsX86))
    report.within(
      layers,
      ['machine'],
      `is \`${machine}\`, which \`${architecture}\` does not have`,
      `Write \`${nature.machine}\`, or leave it out everywhere.`,
    )
  if (!isX86 && nature.firmware === 'bios' && firmware === 'uefi')
    report.within(
      layers,
      ['firmware'],
      `is \`uefi\`, which \`${architecture ?? ''}\` does not have`,
      'Write `bios`: the firmware that QEMU brings is meant.',
    )
  if (seedBus === 'ide' && (/q35/.test(machine) || !isX86))
    report.within(
      layers,
      ['seedBus'],
      `cannot be \`ide\` on a ${machine} machine, which has no IDE bus`,
      isX86 ? 'Use `scsi` or `sata`, or `machine: pc`.' : 'Use `scsi` or `virtio`.',
    )
}

/** Tells what an instance says for itself where the host or the template decides. A target is for many, and passed over. */
export function checkNoProcessor({ layers }: Pick<Member, 'layers'>, report: Report): void {
  const [nearest, ...others] = layers.filter((layer) => layer[0] !== 'matrix' || layer[1] !== 'targets')
  if (nearest === undefined) return
  for (const field of ['architecture', 'cpu', 'emulator'])
    report.own(
      [nearest, ...others],
      [field],
      'is only for instances of an image on libvirt hosts',
      'Remove it.',
    )
}
