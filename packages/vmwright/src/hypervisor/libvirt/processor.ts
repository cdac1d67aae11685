import { el, type XmlElement } from '../../lib/xml.ts'
import type { VmDefinition } from '../contract.ts'

/** What follows from the architecture that a machine has on a host. Pure. */
export interface Processor {
  /** As libvirt spells it: `x86_64`, `aarch64`. */
  readonly architecture: string
  readonly isX86: boolean
  /** Another architecture than the host's is emulated whatever the host can do. */
  readonly acceleration: VmDefinition['acceleration']
  /** Its firmware tells the guest of its power button; ARM has that with UEFI alone. */
  readonly hasAcpi: boolean
}

/**
 * What guests are given under emulation where nothing is said: what runs today's distributions, and is fast. QEMU's
 * `max` of aarch64 signs each return address, in software, which takes most of the time; of others it is the best.
 */
const models: Readonly<Record<string, string>> = {
  aarch64: 'cortex-a57',
  armv7l: 'cortex-a15',
  ppc64le: 'POWER9',
}

export function processorOf(
  { processor, acceleration, firmware }: Pick<VmDefinition, 'processor' | 'acceleration' | 'firmware'>,
  host: string,
): Processor {
  const architecture = processor?.architecture ?? host
  const isX86 = /^(?:x86_64|i686)$/.test(architecture)
  const isOwn = architecture === host || (host === 'x86_64' && architecture === 'i686')
  return {
    architecture,
    isX86,
    acceleration: isOwn ? acceleration : 'emulation',
    hasAcpi: isX86 || (architecture === 'aarch64' && firmware === 'uefi'),
  }
}

/**
 * C12. Under emulation the most that QEMU can do, without the five-level page tables: with them a Debian 12 guest
 * needs an eighth more processor time to reach its init (QEMU 7.2).
 */
export function cpuElement(vm: VmDefinition, processor: Processor): XmlElement {
  const { architecture, acceleration, isX86 } = processor
  const topology = vm.singleSocket && el('topology', { sockets: 1, dies: 1, cores: vm.vcpus, threads: 1 })
  const model = vm.processor?.model ?? (acceleration === 'kvm' ? undefined : models[architecture])
  if (model !== undefined)
    return el('cpu', { mode: 'custom', match: 'exact' }, el('model', { fallback: 'forbid' }, model), topology)
  if (acceleration === 'kvm') return el('cpu', { mode: 'host-passthrough' }, topology)
  const withoutLa57 = isX86 && el('feature', { policy: 'disable', name: 'la57' })
  return el('cpu', { mode: 'maximum' }, topology, withoutLa57)
}
