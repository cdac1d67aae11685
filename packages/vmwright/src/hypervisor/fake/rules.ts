import { ProvisionError } from '../../lib/errors.ts'
import { ruleDigest } from '../host/rule-digest.ts'
import type { HostRules, RuleOwner } from '../host/rules.ts'
import type { FakeContext } from './context.ts'
import type { FakeWorld } from './world.ts'

/** Rules of our own: first kept for later starts of their network, then put into force. */
export function fakeRules(context: FakeContext): HostRules {
  const { world } = context
  return {
    read: (progress) =>
      context.look(progress, 'readRules', world.host, () =>
        Object.values(world.system.rules).map(({ set, active, persistent, backend }) => ({
          project: set.project,
          network: set.network,
          digest: ruleDigest(set),
          backend,
          active,
          persistent,
        })),
      ),
    async apply(progress, wanted) {
      const set = structuredClone(wanted)
      const { backend } = world.system.network.firewall
      if (backend === 'none') {
        throw new ProvisionError('host.tool-missing', {
          message: `Could not set rules for network ${set.network} on ${world.host}: neither nft nor iptables is there.`,
        })
      }
      const key = keyOf(set)
      const found = await context.look(progress, 'lookupRules', key, () => world.system.rules[key])
      const isSame = found !== undefined && context.same(found.set, set) && found.backend === backend
      if (!isSame || !found.persistent)
        await context.change(progress, 'keepRules', key, () => {
          world.system.rules[key] = { set, backend, persistent: true, active: isSame && found.active }
        })
      if (!isSame || !found.active)
        await context.change(progress, 'applyRules', key, () => void (ruleSetAt(world, key).active = true))
    },
    async remove(progress, owner) {
      const key = keyOf(owner)
      const found = await context.look(progress, 'lookupRules', key, () => world.system.rules[key])
      if (found?.active === true)
        await context.change(progress, 'dropRules', key, () => void (ruleSetAt(world, key).active = false))
      if (found !== undefined)
        await context.change(progress, 'forgetRules', key, () => void delete world.system.rules[key])
    },
  }
}

const keyOf = ({ project, network }: RuleOwner): string => `${project}/${network}`

function ruleSetAt(world: FakeWorld, key: string) {
  const found = world.system.rules[key]
  if (found !== undefined) return found
  throw new ProvisionError('network.rules-failed', { message: `There are no rules ${key} on ${world.host}.` })
}
