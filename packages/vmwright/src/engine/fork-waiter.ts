import type { GuestAccess } from '../hypervisor/guest-access.ts'
import type { ForkCard, FreeAddress } from '../hypervisor/forks.ts'
import type { Progress } from '../lib/progress.ts'
import { fieldsOf, untilEnded, untilHeard } from './fork-agent.ts'
import { filesOf, type ForkIdentity } from './fork-identity.ts'
import { waiterPath, waiterScript } from './fork-waiter-script.ts'

/** A process that waits in a guest, and in all forks of it: its id, and the number that the agent has for its pipe. */
export interface Waiter {
  readonly pid: number
  readonly handle: number
}

const startMs = 15_000

/**
 * Has a process wait in the guest that is going to be frozen, which asks for the addresses of the cards to come: for those
 * that are `free`, else for any. `undefined`: it cannot, for want of `perl` or of an agent
 * that answers; forks then take their identity by a script.
 */
export async function startWaiter(
  outer: Progress,
  guest: GuestAccess,
  cards: readonly ForkCard[],
  free: Promise<readonly FreeAddress[]>,
): Promise<Waiter | undefined> {
  const progress = outer.child({ timeoutMs: startMs })
  try {
    const { pid } = fieldsOf(
      await guest.agent(progress, 'guest-exec', {
        path: '/usr/bin/perl',
        arg: ['-', waiterPath],
        'input-data': base64(waiterScript),
        'capture-output': true,
      }),
    )
    const handle = await progress.poll({ everyMs: 100, what: 'a process to wait in the guest' }, () =>
      opened(progress, guest, pid),
    )
    if (typeof pid !== 'number' || typeof handle !== 'number') return undefined
    const text = `${coming(cards, await free)}here\n`
    await guest.agent(progress, 'guest-file-write', { handle, 'buf-b64': base64(text) })
    await guest.agent(progress, 'guest-file-flush', { handle })
    return { pid, handle }
  } catch {
    outer.check()
    return undefined
  }
}

const coming = (cards: readonly ForkCard[], free: readonly FreeAddress[]): string =>
  cards
    .map(({ from, to }) => {
      const own = free.find(({ mac }) => mac === to)
      return [from, to, ...(own === undefined ? [] : [own.address, own.server, ...own.former])].join(' ')
    })
    .map((line) => `${line}\n`)
    .join('')

/** `undefined`: not yet. `null`: the process has ended. Opened for reading too, which waits for nobody. */
async function opened(progress: Progress, guest: GuestAccess, pid: unknown): Promise<unknown> {
  try {
    return await guest.agent(progress, 'guest-file-open', { path: waiterPath, mode: 'r+' })
  } catch {
    progress.check()
    const status = fieldsOf(await guest.agent(progress, 'guest-exec-status', { pid }))
    return status['exited'] === true ? null : undefined
  }
}

/** Ends it in the guest that is not a fork. One that does not hear ends itself, within two minutes. */
export async function stopWaiter(progress: Progress, guest: GuestAccess, waiter: Waiter): Promise<void> {
  try {
    await say(progress, guest, waiter, 'stop\n')
    await untilEnded(
      progress.child({ timeoutMs: startMs }),
      guest,
      waiter.pid,
      'a process in the guest to end',
    )
  } catch {
    progress.check()
  }
}

/** Has it do in a fork what it waits for; the fields of how it ended. Secrets go through its pipe alone. */
export async function tellWaiter(
  progress: Progress,
  guest: GuestAccess,
  waiter: Waiter,
  identity: ForkIdentity,
): Promise<Readonly<Record<string, unknown>>> {
  const { seam } = progress
  const { name, machineId, instanceId, macs } = identity
  const clock = (seam.nowMs() / 1000).toFixed(3)
  const entropy = Buffer.from(seam.randomBytes(64)).toString('hex')
  const pairs = macs.map(({ from, to }) => `${from}=${to}\n`).join('')
  const first = `${[name, machineId, instanceId, clock, entropy].join(' ')}\n`
  await say(progress, guest, waiter, `${first}${pairs}${filesOf(identity)}end\n`)
  return await untilEnded(progress, guest, waiter.pid, `${name} to be itself`)
}

async function say(progress: Progress, guest: GuestAccess, { handle }: Waiter, text: string): Promise<void> {
  await untilHeard(progress, 'the guest agent', async () => {
    await guest.agent(progress, 'guest-file-write', { handle, 'buf-b64': base64(text) })
    return true
  })
  await guest.agent(progress, 'guest-file-close', { handle })
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')
