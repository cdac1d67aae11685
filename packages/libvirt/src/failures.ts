import { LibvirtError, type CallSite } from './errors.ts'
import { remoteError } from './protocol/types.ts'
import { XdrReader } from './xdr/reader.ts'

export function daemonError(body: Buffer, procedure: string | undefined, site: CallSite): LibvirtError {
  const { code, domain, level, message } = remoteError.decode(new XdrReader(body))
  return new LibvirtError(
    { kind: 'libvirt', code, domain, level, message: message ?? `libvirt error ${code}`, procedure },
    site,
  )
}

export function closedHere(): LibvirtError {
  return new LibvirtError({ kind: 'cancelled', message: 'The connection was closed by this side' })
}

export function gaveUp(
  kind: 'timeout' | 'cancelled',
  procedure: string,
  label: string,
  timeoutMs: number,
  site: CallSite,
): LibvirtError {
  const message =
    kind === 'timeout'
      ? `${label} did not answer ${procedure} within ${timeoutMs} ms`
      : `${procedure} on ${label} was cancelled`
  return new LibvirtError({ kind, message, procedure }, site)
}
