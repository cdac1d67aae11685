import type { GuestAccess } from '../hypervisor/guest-access.ts'
import type { Progress } from '../lib/progress.ts'
import type { Secret, SecretRef } from '../lib/secret.ts'
import type { ConnectionSpec } from '../spec/resolved-lifecycle.ts'
import type { GuestChannel } from './channel.ts'
import { noWinrm } from './channel-winrm.ts'
import { agentConnector } from './connector-agent.ts'
import { sshConnector } from './connector-ssh.ts'
import type { SshTarget } from './ssh-client.ts'

/** G5. The way into one guest: how to wait for it, how to open it, and how to tell Ansible of it. */
export interface GuestConnector {
  readonly kind: ConnectionSpec['kind']
  /** For people: `web-1 by SSH as debian`. */
  readonly description: string
  /**
   * One attempt at each address of the guest; the caller closes the channel. Throws `guest.no-address`,
   * `guest.port-closed`, `guest.ssh-refused`, `guest.host-key-mismatch`, `guest.key-unreadable`, `guest.agent-silent`,
   * `guest.connection-unsupported`, `secret.unavailable`.
   */
  open(progress: Progress): Promise<GuestChannel>
  /**
   * Resolves when the guest can be reached, in the way of `ConnectionSpec.wait`; throws what the last attempt threw
   * after `ConnectionSpec.timeoutMs`, and at once what waiting cannot mend. Gives the channel that it had to open to
   * see that, which is then the caller's.
   */
  awaitReachable(progress: Progress): Promise<GuestChannel | undefined>
  /**
   * What Ansible has to know of the guest. Secrets are only in files of mode 0600 in `folder` (absolute), which the
   * caller deletes.
   */
  ansible(progress: Progress, folder: string): Promise<AnsibleAccess>
}

export interface AnsibleAccess {
  /** Variables of the host in an inventory. */
  readonly inventory: Readonly<Record<string, unknown>>
  /** What was written, absolute. */
  readonly files: readonly string[]
}

export interface ConnectorContext {
  /** Of the instance, which is also that of its machine. */
  readonly name: string
  readonly connection: ConnectionSpec
  readonly access: GuestAccess
  /** Where it may be besides what `access` sees; tried while that is still being asked. */
  readonly knownAddresses: readonly string[]
  readonly login: {
    /** The user that vmwright made. */
    readonly user: string
    /** Public host keys that the guest was given, `ssh-ed25519 AAAA…`. */
    readonly hostKeys: readonly string[]
    /** OpenSSH form. */
    readonly privateKey: Secret | undefined
    /** Where `privateKey` is kept, absolute. */
    readonly identityFile: string | undefined
  }
  /** In the order in which they are passed through. */
  readonly jumps: readonly SshTarget[]
  /** Of the host, for Ansible through the agent; absent: not a libvirt host. */
  readonly libvirtUri?: string | undefined
  readSecret(ref: SecretRef): Promise<Secret>
}

/** G5. The connector for what the spec says; nothing is connected before it is asked to. */
export function connectorOf(context: ConnectorContext): GuestConnector {
  const { connection } = context
  switch (connection.kind) {
    case 'ssh':
      return sshConnector(context, connection)
    case 'agent':
      return agentConnector(context)
    case 'winrm':
      return winrmConnector(context)
  }
}

function winrmConnector({ name }: ConnectorContext): GuestConnector {
  const refuse = async (): Promise<never> => {
    throw noWinrm(name)
  }
  return {
    kind: 'winrm',
    description: `${name} by WinRM`,
    open: refuse,
    awaitReachable: refuse,
    ansible: refuse,
  }
}
