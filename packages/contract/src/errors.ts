import { guestErrors } from './errors/guests.ts'
import { hostErrors } from './errors/hosts.ts'
import { runErrors } from './errors/runs.ts'
import { sourceErrors } from './errors/sources.ts'

/**
 * Every error that vmwright reports has a code from this table. `docs/errors.md` is made from it, and a test
 * checks that each code is thrown somewhere and that nothing else is.
 */
export const errorCatalogue = { ...sourceErrors, ...hostErrors, ...guestErrors, ...runErrors }

export type ErrorCode = keyof typeof errorCatalogue

/** An error as it crosses the wire and appears in `--json` output. */
export interface ErrorReport {
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string
  readonly details: Readonly<Record<string, unknown>>
  readonly retryable: boolean
}
