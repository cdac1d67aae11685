import { seenAddresses } from '../guest/climb.ts'
import { type GuestNetwork, realNetwork } from '../guest/network.ts'
import type { Hypervisor, VmMark } from '../hypervisor/contract.ts'
import type { Progress } from '../lib/progress.ts'
import type { InstanceSpec } from '../spec/resolved.ts'

const lookEveryMs = 250
const connectMs = 1_000
/** What costs the guest nothing. */
const hostSources = ['lease', 'arp'] as const
/** The guest itself is asked seldom: what one spends on an answer, all that wake with it lack. */
const looksPerQuestion = 12

/**
 * The address at which the guest shows its new key. Nobody logs in for that: an emulated guest needs seconds for a
 * session, and who may log in is what it was. Nor does anybody try the port before: each connection costs the guest a
 * process. A network keeps the lease of a fork that was removed and had the same name, so an address at which nobody
 * answers is passed over soon.
 */
export async function answering(
  progress: Progress,
  host: Hypervisor,
  { name, ready }: InstanceSpec,
  { hostKeys, user }: Pick<VmMark, 'hostKeys' | 'user'>,
  network: GuestNetwork = realNetwork,
): Promise<string> {
  const limited = progress.child({ timeoutMs: ready.timeoutMs.address + ready.timeoutMs.ssh })
  const guest = host.guest(name)
  let looks = 0
  return limited.poll({ everyMs: lookEveryMs, what: `${name} to answer over SSH` }, async () => {
    const known = seenAddresses(await guest.addresses(limited, hostSources))
    const asks = known.length === 0 && ++looks % looksPerQuestion === 0
    for (const address of asks ? seenAddresses(await guest.addresses(limited, ['agent'])) : known) {
      const target = { address, port: ready.port, user, hostKeys, connectMs }
      const outcome = await network.connectSsh(limited, target).catch(() => limited.check())
      if (outcome !== undefined) return address
    }
    return undefined
  })
}
