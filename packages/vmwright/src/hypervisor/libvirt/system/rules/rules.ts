import { ProvisionError } from '../../../../lib/errors.ts'
import type { Progress } from '../../../../lib/progress.ts'
import { ruleKey } from '../../../host/rule-names.ts'
import type { HostRules, RuleOwner, RuleSet } from '../../../host/rules.ts'
import type { HostShell } from '../../host-shell.ts'
import { parseFirewall } from '../network/firewall.ts'
import { firewallScript } from '../network/script.ts'
import { readSections } from '../sections.ts'
import { checkRules } from './check.ts'
import { iptablesFacts, renderIptables } from './iptables.ts'
import { nftablesFacts, renderNftables } from './nftables.ts'
import { parseObserved } from './observed.ts'
import { applyScript, hookScript, readScript, removeScript } from './scripts.ts'

/** Where rules and hooks are kept. */
export interface RulePlaces {
  readonly rules: string
  readonly hooks: string
}

export const hostPlaces: RulePlaces = { rules: '/etc/vmwright/rules', hooks: '/etc/libvirt/hooks' }

/**
 * Rules are in force from `apply` on, whatever libvirt does: they name the bridge, which need not be there. libvirt
 * learns of a first hook when its daemon is started or told to reload. Until then a network that is stopped keeps
 * its rules, which do nothing without it; from the next start of the daemon, and so from the next start of the host,
 * they come and go with the network. No daemon has to be restarted for it.
 *
 * libvirt switches forwarding of the kernel on for each network that is forwarded in any way, mode `open` too, so
 * that nothing here has to.
 */
export function hostRules(shell: HostShell, places: RulePlaces = hostPlaces): HostRules {
  const hook = hookScript(places.rules)
  return {
    async read(progress) {
      const sections = await readSections(shell, progress, {
        script: readScript,
        arguments: [places.rules, places.hooks],
        effect: { kind: 'shell.read-rules', object: shell.host, mutates: false },
      })
      return parseObserved(sections, hook)
    },
    async apply(progress, rules) {
      checkRules(rules)
      const files = await rendered(shell, progress, rules)
      await change(shell, progress, rules, {
        what: 'apply',
        script: applyScript,
        arguments: [places.rules, places.hooks, hook, ...files.flat()],
      })
    },
    remove: (progress, owner) =>
      change(shell, progress, owner, {
        what: 'remove',
        script: removeScript,
        arguments: [places.rules, places.hooks, ruleKey(owner), nftablesFacts(owner), iptablesFacts(owner)],
      }),
  }
}

/** Names and contents of files, for the packet filter in which they have effect. */
async function rendered(
  shell: HostShell,
  progress: Progress,
  rules: RuleSet,
): Promise<readonly (readonly [string, string])[]> {
  const sections = await readSections(shell, progress, {
    script: firewallScript,
    effect: { kind: 'shell.read-firewall', object: shell.host, mutates: false },
  })
  const key = ruleKey(rules)
  switch (parseFirewall(sections).backend) {
    case 'nftables':
      return [[`${key}.nft`, renderNftables(rules)]]
    case 'iptables':
      return [
        [`${key}.iptables`, renderIptables(rules, 4)],
        ...(sections.of('tools').includes('ip6tables')
          ? [[`${key}.ip6tables`, renderIptables(rules, 6)] as const]
          : []),
      ]
    case 'none':
      throw new ProvisionError('host.tool-missing', {
        message: `Host ${shell.host} has neither nft nor iptables, which the rules of network ${rules.network} need.`,
        hint: 'Install the package nftables on that host.',
        details: { host: shell.host, network: rules.network },
      })
  }
}

async function change(
  shell: HostShell,
  progress: Progress,
  { network }: RuleOwner,
  {
    what,
    ...command
  }: { readonly what: string; readonly script: string; readonly arguments: readonly string[] },
): Promise<void> {
  const { exitCode, stderr } = await shell.run(progress, {
    ...command,
    effect: { kind: `shell.${what}-rules`, object: network, mutates: true },
    privileged: true,
  })
  if (exitCode === 0) return
  const said = stderr.trim().split('\n')
  throw new ProvisionError('network.rules-failed', {
    message: `Could not ${what} the rules of network ${network} on host ${shell.host}: ${said.find((line) => /error/i.test(line)) ?? said.at(-1)}`,
    details: { host: shell.host, network, said },
  })
}
