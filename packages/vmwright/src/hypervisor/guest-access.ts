import type { Progress } from '../lib/progress.ts'
import type { VmState } from './contract.ts'

export interface GuestAddresses {
  readonly lease: readonly string[]
  readonly arp: readonly string[]
  readonly agent: readonly string[]
}

export interface GuestAccess {
  state(progress: Progress): Promise<VmState>
  /** Whether its processor is made of software, which makes everything in it ten times slower. */
  isEmulated(progress: Progress): Promise<boolean>
  /**
   * All addresses that the hypervisor knows, by source; sources that do not answer are empty. `from`: those to ask,
   * where the agent, which takes a guest's time, is not always wanted.
   */
  addresses(progress: Progress, from?: readonly (keyof GuestAddresses)[]): Promise<GuestAddresses>
  /** Calls the guest agent (`guest-ping`, `guest-exec`, …). Throws `guest.agent-silent`. */
  agent(progress: Progress, command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>
  /** Output of the serial console from now on; ends when the machine stops. `write` sends keys. */
  console(progress: Progress): Promise<ConsoleStream>
  /** Calls back at each change of state (and of the agent's channel) until disposed. */
  watch(progress: Progress, onChange: (change: GuestChange) => void): Promise<AsyncDisposable>
}

export type GuestChange =
  | { readonly kind: 'state'; readonly state: VmState }
  | { readonly kind: 'agent'; readonly connected: boolean }

export interface ConsoleStream extends AsyncIterable<Uint8Array>, AsyncDisposable {
  write(data: Uint8Array): Promise<void>
}
