import type { HostFactsOfSystem, VirtualisationFacts } from '../hypervisor/host/items.ts'

/** What became of a guest that was started with hardware virtualisation. */
export type TrialOutcome =
  | { readonly kind: 'works' }
  | { readonly kind: 'fails'; readonly reason: string }
  /** No trial: nothing that starts guests answers there, or the spec wants none. */
  | { readonly kind: 'none'; readonly why: string }

export interface VirtualisationVerdict {
  /** `likely`: nothing speaks against it, but no guest was started. */
  readonly state: 'works' | 'likely' | 'fails'
  readonly by: 'trial' | 'facts'
  /** One sentence without its end. */
  readonly reason: string
  /** What to do; `undefined`: nothing. */
  readonly remedy: string | undefined
}

/** K1: whether guests run with hardware virtualisation, and if not, why and what helps. Pure. */
export function virtualisationVerdict(facts: HostFactsOfSystem, trial: TrialOutcome): VirtualisationVerdict {
  const by = trial.kind === 'none' ? 'facts' : 'trial'
  if (trial.kind === 'works')
    return { state: 'works', by, reason: 'a guest was started with KVM', remedy: undefined }
  const obstacle = obstacleIn(facts)
  if (obstacle !== undefined) return { state: 'fails', by, ...obstacle }
  if (trial.kind === 'none')
    return {
      state: 'likely',
      by,
      reason: `the host has what KVM needs, but no guest was started: ${trial.why}`,
      remedy: undefined,
    }
  const { inside } = facts.virtualisation
  return {
    state: 'fails',
    by,
    reason: `the host has what KVM needs, but ${trial.reason}`,
    remedy:
      inside === undefined
        ? 'Look at what QEMU said: /var/log/libvirt/qemu/vmwright-kvm-trial.log on the host, and `dmesg | grep kvm`.'
        : `This machine is itself a guest (${inside}), and the nested virtualisation that it is offered does not work: ${outerRemedy(facts.virtualisation)}`,
  }
}

interface Obstacle {
  readonly reason: string
  readonly remedy: string
}

/** The first thing that is in the way, seen from the outside inwards. */
function obstacleIn({ virtualisation, architecture }: HostFactsOfSystem): Obstacle | undefined {
  const { processor, modules, hasDevice, inside, isContainer, deviceAccess } = virtualisation
  if (isContainer && !hasDevice)
    return {
      reason: 'this is a container that was not given /dev/kvm',
      remedy: 'Start the container with the device: `--device /dev/kvm` for Docker and Podman.',
    }
  const isX86 = architecture === 'x86_64'
  if (isX86 && processor === undefined)
    return inside === undefined
      ? {
          reason: 'the processor offers no hardware virtualisation',
          remedy: `Switch it on in the BIOS or UEFI setup of the machine: ${firmwareSwitch(virtualisation)}. A power cycle is needed afterwards.`,
        }
      : {
          reason: `this machine is itself a guest (${inside}), and nested virtualisation is off in its host`,
          remedy: outerRemedy(virtualisation),
        }
  const module = processor === 'svm' ? 'kvm_amd' : 'kvm_intel'
  if (isX86 && !hasDevice && !modules.includes(module))
    return {
      reason: `the kernel module ${module} is not loaded`,
      remedy: `\`vmwright host prepare\` loads it, or \`modprobe ${module}\`. Where that says "not supported" or "disabled by BIOS", switch it on in the BIOS or UEFI setup: ${firmwareSwitch(virtualisation)}.`,
    }
  if (!hasDevice)
    return {
      reason: 'there is no /dev/kvm',
      remedy: 'Load the module `kvm` of this kernel, or boot a kernel that has KVM.',
    }
  if (deviceAccess !== undefined && !mayUseDevice(deviceAccess))
    return {
      reason: `guests may not open /dev/kvm (owner, group and mode are ${deviceAccess})`,
      remedy:
        'Give it to the group of guests: `chgrp kvm /dev/kvm && chmod 660 /dev/kvm`, and keep that with a udev rule.',
    }
  return undefined
}

/** QEMU is a member of the group `kvm`, or runs as root. */
function mayUseDevice(access: string): boolean {
  const [, group = '', mode = ''] = access.split(' ')
  const digit = (fromEnd: number): number => Number(mode.at(-fromEnd) ?? 0)
  const isReadWrite = (bits: number): boolean => (bits & 6) === 6
  return isReadWrite(digit(1)) || (group === 'kvm' && isReadWrite(digit(2)))
}

const firmwareSwitch = ({ vendor }: VirtualisationFacts): string =>
  vendor === 'amd'
    ? '"SVM Mode"'
    : vendor === 'intel'
      ? '"Intel Virtualization Technology" (VT-x)'
      : '"Intel Virtualization Technology" (VT-x) or "SVM Mode" (AMD)'

/** Nested virtualisation is a setting of whoever runs this machine as a guest. */
function outerRemedy({ inside, vendor }: VirtualisationFacts): string {
  switch (inside) {
    case 'microsoft':
      return 'On the Hyper-V host, with this machine off: `Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true`.'
    case 'vmware':
      return 'In the settings of this machine in VMware: "Expose hardware assisted virtualization to the guest OS".'
    case 'oracle':
      return 'On the VirtualBox host, with this machine off: `VBoxManage modifyvm NAME --nested-hw-virt on`.'
    case 'amazon':
    case 'google':
      return 'Take an instance type that offers nested virtualisation, or bare metal.'
    default: {
      const module = vendor === 'amd' ? 'kvm_amd' : vendor === 'intel' ? 'kvm_intel' : 'kvm_intel or kvm_amd'
      return `On the outer host set the parameter \`nested=1\` of ${module} (/etc/modprobe.d), load the module again, and give this machine the processor model \`host-passthrough\`.`
    }
  }
}
