import { el, type XmlElement } from '../../lib/xml.ts'
import type { SeedBus } from '../../spec/resolved.ts'
import type { VmDefinition, VolumeRef } from '../contract.ts'
import { markElement, markNamespace, markPrefix, prefixed } from './mark-xml.ts'
import { cpuElement, type Processor, processorOf } from './processor.ts'

/** Namespace for what was asked for where libvirt keeps only what it made of it. */
export const requestNamespace = 'urn:vmwright:request:1'
const requestPrefix = 'vmwright-request'

export interface DomainContext {
  /** The host's own, as libvirt spells it: `x86_64`, `aarch64`. */
  readonly architecture: string
  /** Where a volume is, or will be, on the host. */
  pathOf(volume: VolumeRef): string
}

/**
 * The machine as a libvirt domain. Nothing of the host is written down: firmware files are chosen by libvirt
 * from the installed descriptors, the emulator and the PCI addresses likewise.
 */
export function domainElement(vm: VmDefinition, context: DomainContext): XmlElement {
  const processor = processorOf(vm, context.architecture)
  const { isX86 } = processor
  return el(
    'domain',
    { type: processor.acceleration === 'kvm' ? 'kvm' : 'qemu' },
    el('name', {}, vm.name),
    el('uuid', {}, vm.id),
    el('title', {}, `${vm.mark.instance} of ${vm.mark.project}`),
    el('description', {}, `Made by vmwright from ${vm.mark.image.kind} ${vm.mark.image.id}`),
    el(
      'metadata',
      {},
      prefixed(markElement(vm.mark), markPrefix, markNamespace),
      prefixed(el('request', { machine: vm.machine }), requestPrefix, requestNamespace),
    ),
    el('memory', { unit: 'KiB' }, String(vm.memoryMib * 1024)),
    el('currentMemory', { unit: 'KiB' }, String(vm.memoryMib * 1024)),
    el('vcpu', {}, String(vm.vcpus)),
    bootElement(vm, processor),
    el(
      'features',
      {},
      processor.hasAcpi && el('acpi'),
      isX86 && el('apic'),
      // Secure boot means that only code in system management mode may write the firmware's variables.
      vm.secureBoot && isX86 && el('smm', { state: 'on' }),
    ),
    cpuElement(vm, processor),
    isX86
      ? el(
          'clock',
          { offset: 'utc' },
          el('timer', { name: 'rtc', tickpolicy: 'catchup' }),
          el('timer', { name: 'pit', tickpolicy: 'delay' }),
          el('timer', { name: 'hpet', present: 'no' }),
        )
      : el('clock', { offset: 'utc' }),
    el('on_poweroff', {}, 'destroy'),
    el('on_reboot', {}, 'restart'),
    // With the panic device below, a kernel panic ends the machine at once, with its reason in the event.
    el('on_crash', {}, 'destroy'),
    el('devices', {}, ...deviceElements(vm, context, isX86)),
  )
}

function bootElement(vm: VmDefinition, { architecture, isX86 }: Processor): XmlElement {
  const type = el('type', { arch: architecture, machine: vm.machine }, 'hvm')
  // SeaBIOS talks on the serial line too, which is how "No bootable device" becomes known. It tries again and says so
  // again, for who came to listen too late.
  if (vm.firmware === 'bios')
    return el('os', {}, type, isX86 && el('bios', { useserial: 'yes', rebootTimeout: 10_000 }))
  const enabled = vm.secureBoot ? 'yes' : 'no'
  return el(
    'os',
    { firmware: 'efi' },
    type,
    el(
      'firmware',
      {},
      el('feature', { enabled, name: 'enrolled-keys' }),
      el('feature', { enabled, name: 'secure-boot' }),
    ),
  )
}

function deviceElements(vm: VmDefinition, context: DomainContext, isX86: boolean): readonly XmlElement[] {
  const emulator = vm.processor?.emulator
  return [
    ...(emulator === undefined ? [] : [el('emulator', {}, emulator)]),
    ...vm.disks.map((disk, index) => diskElement(disk, context.pathOf(disk.volume), index)),
    ...(vm.seed === undefined ? [] : seedElements(vm.seed.bus, context.pathOf(vm.seed.volume))),
    ...(isX86 ? [el('controller', { type: 'usb', index: 0, model: 'none' })] : []),
    ...vm.interfaces.map(interfaceElement),
    el('serial', { type: 'pty' }, el('target', { port: 0 })),
    el('console', { type: 'pty' }, el('target', { type: 'serial', port: 0 })),
    el('channel', { type: 'unix' }, el('target', { type: 'virtio', name: 'org.qemu.guest_agent.0' })),
    el('memballoon', { model: 'virtio' }),
    el('rng', { model: 'virtio' }, el('backend', { model: 'random' }, '/dev/urandom')),
    ...(isX86 ? [el('panic', { model: 'isa' })] : []),
  ]
}

/**
 * `type='file'` with the path that the volume has or will have, not `type='volume'`: libvirt's AppArmor helper
 * does not translate volumes to paths.
 */
function diskElement(disk: VmDefinition['disks'][number], path: string, index: number): XmlElement {
  return el(
    'disk',
    { type: 'file', device: 'disk' },
    el('driver', { name: 'qemu', type: disk.format, discard: 'unmap' }),
    el('source', { file: path }),
    el('target', { dev: disk.device, bus: 'virtio' }),
    index === 0 && el('boot', { order: 1 }),
  )
}

/** C11. A virtio seed is a read-only disk behind all others, because virtio has no CD-ROM. */
function seedElements(bus: SeedBus, path: string): readonly XmlElement[] {
  const disk = el(
    'disk',
    { type: 'file', device: bus === 'virtio' ? 'disk' : 'cdrom' },
    el('driver', { name: 'qemu', type: 'raw' }),
    el('source', { file: path }),
    el('target', { dev: seedDevices[bus], bus }),
    el('readonly'),
  )
  return bus === 'scsi' ? [disk, el('controller', { type: 'scsi', index: 0, model: 'virtio-scsi' })] : [disk]
}

const seedDevices = { scsi: 'sda', sata: 'sda', ide: 'hda', virtio: 'vdzz' } as const satisfies Record<
  SeedBus,
  string
>

function interfaceElement({ mac, network }: VmDefinition['interfaces'][number]): XmlElement {
  return el(
    'interface',
    { type: 'network' },
    el('mac', { address: mac }),
    el('source', { network }),
    el('model', { type: 'virtio' }),
    // No network boot: the option ROM would only make each start slower.
    el('rom', { enabled: 'no' }),
  )
}
