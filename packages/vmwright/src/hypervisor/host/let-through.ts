import type { HostFirewall } from './network.ts'
import type { RuleSet } from './rules.ts'

/** What somebody has to do so that a foreign packet filter lets traffic pass which our rules allow. */
export interface LetThrough {
  readonly by: HostFirewall['managers'][number] | 'other'
  /** Why, as a sentence. */
  readonly reason: string
  /** To be run as root on the host, in this order. Empty: only who wrote the rules can say. */
  readonly commands: readonly string[]
}

/**
 * Commands for each manager that stands in the way of a network with these rules; empty: nobody does. They let all
 * traffic of the bridge pass that manager: what may not pass is dropped by our own rules. ufw and Docker filter with
 * iptables, where our rules then are too, and need nothing. Pure.
 */
export function letThrough(
  { backend, managers, dropsForwarded }: HostFirewall,
  { bridge, from }: Pick<RuleSet, 'bridge' | 'from'>,
): readonly LetThrough[] {
  const isFirewalld = dropsForwarded && managers.includes('firewalld')
  const isUfw = backend !== 'iptables' && managers.includes('ufw')
  const isDocker = dropsForwarded && !isFirewalld && managers.includes('docker')
  const all: (LetThrough | false)[] = [
    isFirewalld && {
      by: 'firewalld',
      reason: `firewalld rejects what guests on ${bridge} ask of this host (DHCP, DNS) and send through it, unless ${bridge} is in a zone that may.`,
      commands: [
        `firewall-cmd --permanent --zone=libvirt --add-interface=${bridge}`,
        ...(from.length === 0 ? [] : fromOutside(bridge)),
        'firewall-cmd --reload',
      ],
    },
    isUfw && {
      by: 'ufw',
      reason: `ufw denies what guests on ${bridge} ask of this host (DHCP, DNS), and may deny what they send through it.`,
      commands: [
        `ufw allow in on ${bridge} to any port 67 proto udp`,
        `ufw allow in on ${bridge} to any port 53`,
        `ufw route allow in on ${bridge}`,
        `ufw route allow out on ${bridge}`,
      ],
    },
    isDocker && {
      by: 'docker',
      reason: `Docker drops what it does not know on its way through this host, until a rule of its chain for users lets ${bridge} pass.`,
      commands: [
        `iptables -I DOCKER-USER -i ${bridge} -j ACCEPT`,
        `iptables -I DOCKER-USER -o ${bridge} -j ACCEPT`,
      ],
    },
    dropsForwarded &&
      !(isFirewalld || isUfw || isDocker) && {
        by: 'other',
        reason: `A chain of somebody else drops what it does not know on its way through this host; it has to accept what comes from ${bridge} and goes to it.`,
        commands: [],
      },
  ]
  return all.filter((each) => each !== false)
}

/** New connections from any zone to the guests; our rules know from whom. */
const fromOutside = (bridge: string): readonly string[] => {
  const policy = `vmwright-${bridge}`.slice(0, 17)
  return [
    `firewall-cmd --permanent --new-policy=${policy}`,
    `firewall-cmd --permanent --policy=${policy} --add-ingress-zone=ANY --add-egress-zone=libvirt --set-target=ACCEPT`,
  ]
}
