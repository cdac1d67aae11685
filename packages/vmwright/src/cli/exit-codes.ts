import type { ErrorCode } from '@vmwright/contract'
import type { OperationResult } from '../engine/operations.ts'

/** Exit codes of every command; documented in docs/cli.md. */
export const exitCode = {
  done: 0,
  failed: 1,
  /** `plan --detailed-exitcode`: there is something to do. */
  changes: 2,
  /** Nothing was done, because it was not confirmed. */
  unconfirmed: 3,
  /** The spec has problems. */
  specInvalid: 4,
  /** The plan's findings speak against it; nothing was done. */
  blocked: 5,
  /** A host cannot be reached, or another run holds it. */
  hostUnavailable: 6,
  usage: 64,
  cancelled: 130,
} as const

export type ExitCode = (typeof exitCode)[keyof typeof exitCode]

export const exitCodeOfOutcome = (outcome: OperationResult['outcome']): ExitCode =>
  ({
    done: exitCode.done,
    unchanged: exitCode.done,
    failed: exitCode.failed,
    cancelled: exitCode.cancelled,
    blocked: exitCode.blocked,
    declined: exitCode.unconfirmed,
  })[outcome]

export function exitCodeOfError(code: ErrorCode): ExitCode {
  switch (code) {
    case 'spec.invalid':
    case 'spec.not-found':
      return exitCode.specInvalid
    case 'spec.unknown-name':
    case 'usage.invalid':
      return exitCode.usage
    case 'host.unreachable':
    case 'host.locked':
      return exitCode.hostUnavailable
    case 'run.cancelled':
      return exitCode.cancelled
    default:
      return exitCode.failed
  }
}
