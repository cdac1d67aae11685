import { type ErrorCode, errorCatalogue } from '@vmwright/contract'

export interface ErrorFacts {
  /** What could not be done, to which object. One sentence, no secrets. */
  readonly message: string
  /** An action the reader can take now. */
  readonly hint?: string
  /** Facts as fields; numbers in base units. */
  readonly details?: Readonly<Record<string, unknown>>
  /** True when the same call may succeed later without anybody changing anything. */
  readonly retryable?: boolean
  readonly cause?: unknown
}

/** A failure that a user can read and a program can decide on by `code`. Every code is in the catalogue. */
export class ProvisionError extends Error {
  override readonly name = 'ProvisionError'
  readonly code: ErrorCode
  readonly hint: string
  readonly details: Readonly<Record<string, unknown>>
  readonly retryable: boolean

  constructor(code: ErrorCode, facts: ErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.code = code
    this.hint = facts.hint ?? errorCatalogue[code].hint
    this.details = facts.details ?? {}
    this.retryable = facts.retryable ?? false
  }
}

export const isProvisionError = (error: unknown, code?: ErrorCode): error is ProvisionError =>
  error instanceof ProvisionError && (code === undefined || error.code === code)

/** The message of whatever was thrown, for use inside another message. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The `code` that Node puts on system errors (`ENOENT`, `ENOSPC`, …), if there is one. */
export const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
