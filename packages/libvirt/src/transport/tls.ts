import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { LibvirtError } from '../errors.ts'
import type { Dial } from './channel.ts'
import type { Route } from './uri.ts'

export type TlsRoute = Extract<Route, { kind: 'tls' }>

/**
 * TLS with certificates on both sides, which are where libvirt's own client looks for them. After the handshake
 * the daemon sends one byte, 1, when it accepts our certificate, and otherwise hangs up (`virnettlscontext.c`).
 */
export function tlsDialer(route: TlsRoute): Dial {
  return async ({ signal }) => {
    const files = await readCredentials(route.pkiPath)
    const { host, port } = route
    const socket = connect({
      host,
      port,
      minVersion: 'TLSv1.2',
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...files,
    })
    try {
      await accepted(socket, signal)
    } catch (cause) {
      socket.destroy()
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new LibvirtError({
        kind: 'connection',
        message: `No TLS connection to ${host}:${port}: ${reason}`,
        cause,
      })
    }
    return { input: socket, output: socket, destroy: () => socket.destroy() }
  }
}

function accepted(socket: TLSSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (failure: Error | undefined) => {
      signal.removeEventListener('abort', onAbort)
      socket.off('readable', onReadable)
      socket.off('error', settle)
      socket.off('end', onEnd)
      if (failure === undefined) resolve()
      else reject(failure)
    }
    const onAbort = () => settle(new Error('cancelled'))
    const onEnd = () => settle(new Error('the daemon did not accept our certificate'))
    const onReadable = () => {
      const byte = socket.read(1) as Buffer | null
      if (byte === null) return
      settle(byte[0] === 1 ? undefined : new Error('the daemon did not accept our certificate'))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    socket.on('readable', onReadable)
    socket.on('error', settle)
    socket.on('end', onEnd)
  })
}

async function readCredentials(pkiPath: string | undefined) {
  const places = credentialPlaces(pkiPath, { home: homedir(), isRoot: process.getuid?.() === 0 })
  const [ca, cert, key] = await Promise.all([
    firstReadable(places.ca),
    firstReadable(places.cert),
    firstReadable(places.key),
  ])
  return { ca, cert, key }
}

/** Where the CA's certificate and ours are looked for: the folder of the URI, else the user's, else the system's. */
export function credentialPlaces(
  pkiPath: string | undefined,
  user: { readonly home: string; readonly isRoot: boolean },
) {
  const places = (name: string, system: string) => {
    if (pkiPath !== undefined) return [join(pkiPath, name)]
    return user.isRoot ? [system] : [join(user.home, '.pki/libvirt', name), system]
  }
  return {
    ca: places('cacert.pem', '/etc/pki/CA/cacert.pem'),
    cert: places('clientcert.pem', '/etc/pki/libvirt/clientcert.pem'),
    key: places('clientkey.pem', '/etc/pki/libvirt/private/clientkey.pem'),
  }
}

async function firstReadable(paths: readonly string[]): Promise<Buffer> {
  let failure: unknown
  for (const path of paths) {
    try {
      return await readFile(path)
    } catch (error) {
      failure = error
    }
  }
  const message = `TLS needs ${paths.join(' or ')}: ${(failure as Error).message}`
  throw new LibvirtError({ kind: 'connection', message, cause: failure })
}
