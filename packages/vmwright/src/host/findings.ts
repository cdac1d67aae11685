import { itemName } from '../hypervisor/host/items.ts'
import type { Finding } from '../plan/plan.ts'
import { knowsFirewallBackend } from './desired.ts'
import type { HostState } from './host-state.ts'
import type { VirtualisationVerdict } from './virtualisation.ts'

/** What speaks against preparing a host, or cannot be done there. Pure. */
export function itemFindings({ spec, report, items }: HostState): readonly Finding[] {
  const { facts } = report
  const about = (
    severity: Finding['severity'],
    message: string,
    hint: string,
    code: Finding['code'] = 'host.change-failed',
  ): Finding => ({ severity, code, object: `host ${spec.name}`, message, hint })
  const backend = spec.preparation.firewallBackend
  const withoutRoot = facts.isRoot ? [] : items.filter(({ isSo }) => !isSo)
  return [
    ...(facts.family === 'unknown'
      ? [
          about(
            'warning',
            `${facts.distribution} is of no family of distributions that vmwright knows, so it installs no packages there.`,
            'Install libvirt, QEMU, UEFI firmware, dnsmasq, nftables, acl and libguestfs with the tools of the distribution.',
            'host.tool-missing',
          ),
        ]
      : []),
    ...(backend !== undefined && !knowsFirewallBackend(facts)
      ? [
          about(
            'warning',
            facts.libvirt === undefined
              ? `The firewall backend is set once libvirt is there.`
              : `libvirt ${facts.libvirt.version} has no setting for its firewall backend; 10.4 is the first.`,
            facts.libvirt === undefined
              ? 'Run `vmwright host prepare` once more after this one.'
              : 'Take `firewallBackend` out of the spec, or upgrade the host.',
          ),
        ]
      : []),
    ...(withoutRoot.length > 0
      ? [
          about(
            'error',
            `${withoutRoot.length === 1 ? 'One item needs' : `${withoutRoot.length} items need`} root, which this login is not.`,
            'Log in to the host as root, or as a user that may run `sudo -n`.',
            'host.access-denied',
          ),
        ]
      : items
          .filter(({ isSo, whyNot }) => !isSo && whyNot !== undefined)
          .map(({ item, weight, whyNot }) =>
            about(
              weight === 'asked' || item.kind === 'package' || item.kind === 'sysctl' ? 'error' : 'warning',
              `${itemName(item)} cannot be changed: ${whyNot}.`,
              weight === 'asked'
                ? 'Take it out of the spec, or mend on the host what is in the way.'
                : 'Mend on the host what is in the way.',
            ),
          )),
  ]
}

/** K1. An error only where the spec allows no software emulation and it matters now. Pure. */
export function virtualisationFindings(
  { spec }: Pick<HostState, 'spec'>,
  verdict: VirtualisationVerdict,
  when: 'check' | 'prepare',
): readonly Finding[] {
  if (verdict.state !== 'fails') return []
  const base = { code: 'host.no-acceleration', object: `host ${spec.name}`, hint: verdict.remedy } as const
  switch (spec.acceleration) {
    case 'require-kvm':
      return [
        {
          ...base,
          severity: when === 'check' ? 'error' : 'warning',
          message: `Guests cannot run with hardware virtualisation: ${verdict.reason}.`,
          hint: `${verdict.remedy ?? ''} Or allow software emulation, which is many times slower, with \`acceleration: prefer-kvm\` of the host.`.trim(),
        },
      ]
    case 'prefer-kvm':
      return [
        {
          ...base,
          severity: 'warning',
          message: `Guests run by software emulation, many times slower: ${verdict.reason}.`,
        },
      ]
    case 'emulate':
      return []
  }
}
