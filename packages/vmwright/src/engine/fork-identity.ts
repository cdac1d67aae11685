import { generateHostKeys, type HostKey } from '../cloudinit/host-keys.ts'
import { newMachineId } from '../identity/machine-id.ts'
import type { ForkCard } from '../hypervisor/forks.ts'
import type { Progress } from '../lib/progress.ts'

/** What a guest believes to be. */
export interface ForkIdentity {
  readonly name: string
  readonly machineId: string
  readonly instanceId: string
  readonly hostKeys: readonly HostKey[]
  /** Old and new, interface by interface. */
  readonly macs: readonly ForkCard[]
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

/** As both scripts read them. */
export function filesOf({ hostKeys }: ForkIdentity): string {
  const file = (mode: string, path: string, text: string): string => `${mode} ${path}\n${text.trimEnd()}\n.\n`
  const keys = hostKeys.flatMap(({ type, privateKey, publicKey }) => {
    const path = `/etc/ssh/ssh_host_${type}_key`
    return [file('600', path, privateKey.reveal()), file('644', `${path}.pub`, publicKey)]
  })
  return keys.join('')
}
