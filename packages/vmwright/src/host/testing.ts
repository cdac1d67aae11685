import type { HostFactsOfSystem, HostItem, HostReport } from '../hypervisor/host/items.ts'
import { candidateItems } from './desired.ts'
import type { HostSpec } from '../spec/resolved.ts'

export const debian: HostFactsOfSystem = {
  distribution: 'Debian GNU/Linux 12 (bookworm)',
  release: '12',
  family: 'debian',
  architecture: 'x86_64',
  kernel: '6.1.0',
  init: 'systemd',
  isRoot: true,
  libvirt: { version: '9.0.0', daemons: 'monolithic' },
  virtualisation: {
    processor: 'vmx',
    vendor: 'intel',
    modules: ['kvm', 'kvm_intel'],
    hasDevice: true,
    deviceAccess: 'root kvm 660',
    inside: undefined,
    isContainer: false,
    nested: true,
  },
}

/** Everything as it should be, but for what `isMissing` says. */
export const reportOn = (
  spec: HostSpec,
  facts: HostFactsOfSystem,
  isMissing: (item: HostItem) => boolean = () => false,
): HostReport => ({
  facts,
  states: candidateItems(spec).map((item) => ({
    item,
    isSo: !isMissing(item),
    now: isMissing(item) ? 'not so' : 'so',
    whyNot: undefined,
  })),
})
