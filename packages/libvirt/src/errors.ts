/**
 * What kind of failure it was; decides what a caller can do.
 * - `libvirt`: the daemon answered with an error; `code` and `domain` are libvirt's own numbers.
 * - `connection`: not connected, or the connection was lost; whether the call took effect is unknown.
 * - `timeout`: no answer in time; whether the call took effect is unknown.
 * - `cancelled`: the caller's signal, or `close()`.
 * - `protocol`: the peer sent something that is not libvirt's protocol, or an argument cannot be encoded.
 */
export type LibvirtErrorKind = 'libvirt' | 'connection' | 'timeout' | 'cancelled' | 'protocol'

export interface LibvirtErrorInfo {
  readonly kind: LibvirtErrorKind
  readonly message: string
  readonly code?: number | undefined
  readonly domain?: number | undefined
  readonly level?: number | undefined
  readonly procedure?: string | undefined
  readonly cause?: unknown
}

/** Where a call was made. Captured before the first await, so that the stack of an error shows the caller. */
export interface CallSite {
  readonly stack?: string
}

/** The only error this package throws. Its `stack` is that of the call that failed, not of the socket callback. */
export class LibvirtError extends Error {
  override readonly name = 'LibvirtError'
  readonly kind: LibvirtErrorKind
  /** libvirt's error number (`virErrorNumber`), for `kind: 'libvirt'`; see `errorCode`. */
  readonly code: number | undefined
  /** libvirt's error domain (`virErrorDomain`): the part of libvirt that failed. */
  readonly domain: number | undefined
  /** 1 warning, 2 error. */
  readonly level: number | undefined
  /** The call that failed, by its name in `calls`. */
  readonly procedure: string | undefined

  constructor(info: LibvirtErrorInfo, site?: CallSite) {
    super(info.message, info.cause === undefined ? undefined : { cause: info.cause })
    this.kind = info.kind
    this.code = info.code
    this.domain = info.domain
    this.level = info.level
    this.procedure = info.procedure
    if (site?.stack !== undefined) {
      const frames = site.stack.slice(site.stack.indexOf('\n    at '))
      this.stack = `${this.name}: ${info.message}${frames}`
    }
  }
}

/** True for a `LibvirtError`; with `code`, only for libvirt's own error of that number. */
export function isLibvirtError(error: unknown, code?: number): error is LibvirtError {
  return (
    error instanceof LibvirtError && (code === undefined || (error.kind === 'libvirt' && error.code === code))
  )
}

/** Remembers the caller's stack; frames from `below` upwards are left out. Formatted only when it is read. */
export function captureSite(below: (...args: never[]) => unknown): CallSite {
  const site: { stack?: string } = {}
  Error.captureStackTrace(site, below)
  return site
}

/** The same failure, told to one of several waiters: with its procedure and its stack. */
export function retell(error: LibvirtError, procedure: string, site: CallSite): LibvirtError {
  const { kind, message, code, domain, level, cause } = error
  return new LibvirtError({ kind, message, code, domain, level, procedure, cause }, site)
}

/**
 * libvirt's error numbers that callers decide on. The complete list is `virErrorNumber` in libvirt's
 * `virterror.h`; these were checked against version 9.0.
 */
export const errorCode = {
  internalError: 1,
  noSupport: 3,
  noConnect: 5,
  invalidArgument: 8,
  operationFailed: 9,
  noName: 21,
  xmlError: 27,
  domainExists: 28,
  operationDenied: 29,
  /** The XML is not well-formed. */
  xmlDetail: 35,
  networkExists: 37,
  systemError: 38,
  rpc: 39,
  noDomain: 42,
  noNetwork: 43,
  authFailed: 45,
  noStoragePool: 49,
  noStorageVolume: 50,
  operationInvalid: 55,
  configUnsupported: 67,
  operationTimeout: 68,
  noDomainSnapshot: 72,
  argumentUnsupported: 74,
  storagePoolBuilt: 76,
  snapshotRevertRisky: 77,
  operationAborted: 78,
  authCancelled: 79,
  noDomainMetadata: 80,
  migrateUnsafe: 81,
  overflow: 82,
  blockCopyActive: 83,
  operationUnsupported: 84,
  agentUnresponsive: 86,
  resourceBusy: 87,
  accessDenied: 88,
  storageVolumeExists: 90,
  xmlInvalidSchema: 92,
  authUnavailable: 94,
  agentUnsynced: 97,
  deviceMissing: 99,
} as const
