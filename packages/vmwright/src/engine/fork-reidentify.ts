import type { GuestAccess } from '../hypervisor/guest-access.ts'
import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { fieldsOf, untilEnded, untilHeard } from './fork-agent.ts'
import { filesOf, type ForkIdentity } from './fork-identity.ts'
import { identityScript } from './fork-identity-script.ts'
import { tellWaiter, type Waiter } from './fork-waiter.ts'

const identityMs = 300_000

/**
 * Tells the guest through its agent, which needs no network, who it is from now on: a process that waits there from
 * before it was frozen, else a script, which takes several times as long. Secrets go by the standard input of a process
 * in the guest. Throws `fork.failed`, `guest.agent-silent`, `wait.timeout`. May be repeated.
 */
export async function reidentify(
  outer: Progress,
  guest: GuestAccess,
  identity: ForkIdentity,
  waiter?: Waiter,
): Promise<void> {
  const progress = outer.child({ timeoutMs: identityMs })
  const told =
    waiter && (await tellWaiter(progress, guest, waiter, identity).catch(() => void progress.check()))
  if (told?.['exitcode'] === 0) return
  const ended = await runScript(progress, guest, identity)
  if (ended['exitcode'] === 0) return
  const said = Buffer.from(String(ended['err-data'] ?? ''), 'base64')
    .toString('utf8')
    .trim()
  throw new ProvisionError('fork.failed', {
    message: `${identity.name} did not take its new identity: ${said.split('\n').at(-1) ?? 'it did not say why'}`,
    details: { vm: identity.name, exitCode: ended['exitcode'], said: said.slice(-2_000) },
  })
}

async function runScript(
  progress: Progress,
  guest: GuestAccess,
  identity: ForkIdentity,
): Promise<Readonly<Record<string, unknown>>> {
  const { seam } = progress
  const words = [
    identity.name,
    identity.machineId,
    identity.instanceId,
    (seam.nowMs() / 1000).toFixed(3),
    ...identity.macs.map(({ from, to }) => `${from}=${to}`),
  ]
  const input = `${Buffer.from(seam.randomBytes(64)).toString('hex')}\n${filesOf(identity)}`
  const { pid } = await untilHeard(progress, `the guest agent of ${identity.name}`, async () =>
    fieldsOf(
      await guest.agent(progress, 'guest-exec', {
        path: '/bin/sh',
        arg: ['-c', identityScript, 'sh', ...words],
        'input-data': Buffer.from(input).toString('base64'),
        'capture-output': true,
      }),
    ),
  )
  return await untilEnded(progress, guest, pid, `${identity.name} to be itself`)
}
