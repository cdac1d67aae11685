import type { KeepaliveOptions } from './keepalive.ts'
import type { Domain, Network, StoragePool } from './protocol/types.ts'
import type { Dial } from './transport/channel.ts'

export interface OpenOptions {
  /** Ends the opening; afterwards it has no effect. */
  readonly signal?: AbortSignal | undefined
  /** For opening a connection, here and later. Default 15 s. */
  readonly timeoutMs?: number | undefined
  /** For a call that states none. Default 30 s on the `control` lane, 300 s on `slow`. */
  readonly callTimeoutMs?: number | undefined
  /** The daemon's UNIX socket, instead of the usual places. */
  readonly socketPath?: string | undefined
  /** Only calls that change nothing. */
  readonly readonly?: boolean | undefined
  /** `false` switches the pings off. */
  readonly keepalive?: KeepaliveOptions | false | undefined
  /** Carries the bytes instead of the URI's transport; for tests, or a tunnel of one's own. */
  readonly dial?: Dial | undefined
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** Waiting for a free slot included. `Infinity` for none. */
  readonly timeoutMs?: number | undefined
  /** `slow` for what may take seconds (start, destroy, volume creation, the guest agent): it delays nobody there. */
  readonly lane?: 'control' | 'slow' | undefined
}

export interface StreamOptions {
  readonly signal?: AbortSignal | undefined
  /** For the whole stream. Default: none, keepalive notices a dead peer. */
  readonly timeoutMs?: number | undefined
}

export interface UploadOptions extends StreamOptions {
  /** Bytes handed to the connection so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined
}

export interface SubscribeOptions {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number | undefined
  /** Only events of this object. */
  readonly domain?: Domain | undefined
  readonly network?: Network | undefined
  readonly pool?: StoragePool | undefined
}
