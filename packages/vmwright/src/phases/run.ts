import type { StepRun } from '@vmwright/contract'
import type { GuestChannel, OutputStream } from '../guest/channel.ts'
import type { GuestConnector } from '../guest/connector.ts'
import type { Progress } from '../lib/progress.ts'
import type { Secret } from '../lib/secret.ts'
import { runAnsible } from './ansible/run-ansible.ts'
import { runNative } from './native/run-native.ts'
import type { Phase } from './phase.ts'

/** What a phase is run with. The time limit of the phase is the deadline of its progress. */
export interface PhaseContext {
  readonly connector: GuestConnector
  /** Opened at first use, and again when the last one is gone, as after a reboot. */
  readonly channel: { current(progress: Progress): Promise<GuestChannel> }
  readonly guest: string
  /** What templates and Ansible know as `vm`, besides its name. */
  readonly facts: {
    readonly platform: string | undefined
    readonly target: string | undefined
    readonly host: string
  }
  readonly variables: Readonly<Record<string, unknown>>
  readonly environment: Readonly<Record<string, string>>
  /** Environment variables whose values must not be shown. */
  readonly secrets: Readonly<Record<string, Secret>>
  /** Folder of this machine, absolute; made when something is fetched. */
  readonly fetchFolder: string
  /** Whole lines, without secrets. */
  onOutput(stream: OutputStream, text: string): void
  onStep(step: StepRun): void
}

/**
 * G4. Runs a phase in a guest. `progress` has its limit as deadline. Output is passed on in whole lines, each step as it
 * ends. Throws `phase.failed` and `phase.timeout`, whose `details.steps` has the steps until then, `phase.invalid`
 * before anything has run, and the reason of a cancellation.
 */
export function runPhase(
  progress: Progress,
  phase: Phase,
  context: PhaseContext,
): Promise<readonly StepRun[]> {
  return phase.kind === 'native' ? runNative(progress, phase, context) : runAnsible(progress, phase, context)
}
