import type { ErrorReport } from '@vmwright/contract'
import { messageOf, ProvisionError } from './errors.ts'

/** Any thrown thing as it crosses the wire. After a cancellation, whatever was thrown counts as cancelled. */
export function reportOf(thrown: unknown, signal?: AbortSignal): ErrorReport {
  const error = asProvisionError(thrown, signal)
  return {
    code: error.code,
    message: error.message,
    hint: error.hint,
    details: error.details,
    retryable: error.retryable,
  }
}

export function asProvisionError(thrown: unknown, signal?: AbortSignal): ProvisionError {
  if (signal?.aborted === true)
    return new ProvisionError('run.cancelled', { message: 'Cancelled.', cause: thrown })
  if (thrown instanceof ProvisionError) return thrown
  return new ProvisionError('internal.bug', { message: `Unexpected: ${messageOf(thrown)}`, cause: thrown })
}
