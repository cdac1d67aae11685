import type { Progress } from '../lib/progress.ts'
import type { Secret } from '../lib/secret.ts'

/**
 * A way to work inside of a running guest: SSH, the guest agent, WinRM. Commands, files and nothing else; whoever holds
 * one need not know which it is. Every method throws `guest.port-closed` (SSH), `guest.agent-silent` (agent) when the
 * guest does not answer any more, and `wait.timeout` at the progress's deadline.
 */
export interface GuestChannel extends AsyncDisposable {
  readonly kind: 'ssh' | 'agent' | 'winrm'
  /** For people: `debian@192.168.122.17 by SSH`. */
  readonly description: string
  /** False once it is known to be gone. */
  readonly alive: boolean
  /** Resolves with any exit code. The command, its input and its environment are in no argument list of the guest but the shell's. */
  run(progress: Progress, command: GuestCommand): Promise<CommandEnd>
  /** Makes the folders above it. Under its final name only when it is complete. */
  put(progress: Progress, file: GuestFile): Promise<void>
  /** Throws `guest.file-missing`. */
  get(progress: Progress, path: string, user?: string): Promise<AsyncIterable<Uint8Array>>
}

export interface GuestCommand {
  /** For the guest's `sh -e`, or PowerShell over WinRM. */
  readonly script: string
  readonly args?: readonly string[]
  /** Absent: the login's home. */
  readonly directory?: string | undefined
  /** `root` by sudo where the login is another. Absent: the user of the login. */
  readonly user?: string | undefined
  /** Reaches the command by standard input or a file that does not stay, never by an argument. */
  readonly environment?: Readonly<Record<string, string | Secret>>
  readonly stdin?: string | Uint8Array | Secret
  /** As it comes; whole characters. */
  readonly onOutput?: (stream: OutputStream, text: string) => void
}

export type OutputStream = 'stdout' | 'stderr'

export interface CommandEnd {
  /** 128 and the signal's number when a signal ended it, as a shell says it. */
  readonly exitCode: number
  /** The last 256 KiB of each. */
  readonly stdout: string
  readonly stderr: string
}

export interface GuestFile {
  readonly path: string
  readonly content: Uint8Array | AsyncIterable<Uint8Array> | Secret
  readonly mode: number
  /** `user` or `user:group`; absent: who writes it. */
  readonly owner?: string | undefined
  /** Who writes it: `root` by sudo. Absent: the user of the login. */
  readonly user?: string | undefined
}
