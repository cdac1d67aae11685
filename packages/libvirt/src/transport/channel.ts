import type { Readable, Writable } from 'node:stream'

/** A connected byte pipe to a daemon, whatever carries it. */
export interface Channel {
  readonly input: Readable
  readonly output: Writable
  /** Ends it at once; safe to repeat. */
  destroy(): void
  /** What the carrier said when it broke (the last lines of ssh's standard error). */
  explain?(): string | undefined
}

/** Makes one connected channel. Rejects with a `LibvirtError` of kind `connection`, `timeout` or `cancelled`. */
export type Dial = (options: { readonly signal: AbortSignal }) => Promise<Channel>
