import { generateHostKeys, type HostKey } from '../cloudinit/host-keys.ts'
import { newMachineId } from '../identity/machine-id.ts'
import type { GuestAccess } from '../hypervisor/guest-access.ts'
import { isProvisionError, ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { identityScript } from './fork-identity-script.ts'

/** What a guest believes to be. */
export interface ForkIdentity {
  readonly name: string
  readonly machineId: string
  readonly instanceId: string
  readonly hostKeys: readonly HostKey[]
  /** Old and new, interface by interface. */
  readonly macs: readonly { readonly from: string; readonly to: string }[]
}

/** Keys are made here, so that the first connection is already verified. */
export function newForkIdentity(progress: Progress, name: string, macs: ForkIdentity['macs']): ForkIdentity {
  const { seam } = progress
  return {
    name,
    machineId: newMachineId(seam),
    instanceId: `iid-${Buffer.from(seam.randomBytes(8)).toString('hex')}`,
    hostKeys: generateHostKeys(),
    macs,
  }
}

const identityMs = 300_000
const firstQuestionMs = 300

/**
 * Tells the guest through its agent, which needs no network, who it is from now on. Secrets go by the standard input of
 * a shell in the guest. Throws `fork.failed`, `guest.agent-silent`, `wait.timeout`. May be repeated.
 */
export async function reidentify(outer: Progress, guest: GuestAccess, identity: ForkIdentity): Promise<void> {
  const progress = outer.child({ timeoutMs: identityMs })
  const { seam } = progress
  const words = [
    identity.name,
    identity.machineId,
    identity.instanceId,
    (seam.nowMs() / 1000).toFixed(3),
    ...identity.macs.map(({ from, to }) => `${from}=${to}`),
  ]
  const started = await untilHeard(progress, `the guest agent of ${identity.name}`, async () =>
    fieldsOf(
      await guest.agent(progress, 'guest-exec', {
        path: '/bin/sh',
        arg: ['-c', identityScript, 'sh', ...words],
        'input-data': Buffer.from(inputOf(identity, seam.randomBytes(64))).toString('base64'),
        'capture-output': true,
      }),
    ),
  )
  const pid = started['pid']
  // The agent writes each question into the guest's journal, which an emulated guest feels.
  await progress.sleep(firstQuestionMs)
  const ended = await untilHeard(progress, `${identity.name} to be itself`, async () => {
    const status = fieldsOf(await guest.agent(progress, 'guest-exec-status', { pid }))
    return status['exited'] === true ? status : undefined
  })
  if (ended['exitcode'] === 0) return
  const said = Buffer.from(String(ended['err-data'] ?? ''), 'base64')
    .toString('utf8')
    .trim()
  throw new ProvisionError('fork.failed', {
    message: `${identity.name} did not take its new identity: ${said.split('\n').at(-1) ?? 'it did not say why'}`,
    details: { vm: identity.name, exitCode: ended['exitcode'], said: said.slice(-2_000) },
  })
}

/**
 * Ten guests that wake at once on two processors let libvirt wait too long for their agents now and then. Asking again
 * does no harm: the script may run twice.
 */
const untilHeard = <T>(progress: Progress, what: string, ask: () => Promise<T | undefined>): Promise<T> =>
  progress.poll({ everyMs: 400, what }, () =>
    ask().catch((error: unknown) => {
      progress.check()
      if (isProvisionError(error, 'guest.agent-silent')) return undefined
      throw error
    }),
  )

/** As the script reads it. */
function inputOf({ hostKeys }: ForkIdentity, entropy: Uint8Array): string {
  const file = (mode: string, path: string, text: string): string => `${mode} ${path}\n${text.trimEnd()}\n.\n`
  const keys = hostKeys.flatMap(({ type, privateKey, publicKey }) => {
    const path = `/etc/ssh/ssh_host_${type}_key`
    return [file('600', path, privateKey.reveal()), file('644', `${path}.pub`, publicKey)]
  })
  return `${Buffer.from(entropy).toString('hex')}\n${keys.join('')}`
}

const fieldsOf = (reply: unknown): Readonly<Record<string, unknown>> =>
  typeof reply === 'object' && reply !== null ? (reply as Record<string, unknown>) : {}
