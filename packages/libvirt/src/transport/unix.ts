import { spawn } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LibvirtError } from '../errors.ts'
import type { Channel, Dial } from './channel.ts'

export interface UnixOptions {
  readonly driver: string
  /** `/system`, `/session`, or a path of the driver's own. */
  readonly path: string
  readonly socket?: string | undefined
  readonly readonly: boolean
}

/**
 * A local daemon: the modular one of the driver first, then the monolithic one (or `virtproxyd`, which listens at
 * the same place). For `/session`, when neither listens, the daemon is started as libvirt's own client does.
 */
export function unixDialer(options: UnixOptions): Dial {
  return async ({ signal }) => {
    if (options.socket !== undefined) return channel(await tryConnect(options.socket, signal))
    const paths = socketPaths(options)
    const first = await firstOf(paths, signal)
    if (first.socket !== undefined) return channel(first.socket)
    if (options.path !== '/session') throw first.error
    return channel(await retry(paths, signal, startSessionDaemon(options.driver)))
  }
}

export function socketPaths(options: Omit<UnixOptions, 'socket'>): readonly string[] {
  const folder = options.path === '/session' ? sessionFolder() : '/var/run/libvirt'
  const suffix = options.readonly && options.path !== '/session' ? '-sock-ro' : '-sock'
  const modular = options.driver === 'test' ? [] : [join(folder, `virt${options.driver}d${suffix}`)]
  return [...modular, join(folder, `libvirt${suffix}`)]
}

function sessionFolder(): string {
  const runtime = process.env['XDG_RUNTIME_DIR']
  if (runtime !== undefined && runtime !== '') return join(runtime, 'libvirt')
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'libvirt')
}

/** The first that listens; else the failure that tells most: one of a socket that is there. */
async function firstOf(paths: readonly string[], signal: AbortSignal) {
  let error: unknown
  for (const path of paths) {
    try {
      return { socket: await tryConnect(path, signal), error: undefined }
    } catch (caught) {
      if (error === undefined || !isAbsent(caught)) error = caught
      if (signal.aborted) break
    }
  }
  if (isAbsent(error)) {
    const message = `No libvirt daemon: ${paths.join(' and ')} ${paths.length === 1 ? 'does' : 'do'} not exist`
    error = new LibvirtError({ kind: 'connection', message, cause: (error as Error).cause })
  }
  return { socket: undefined, error }
}

function isAbsent(error: unknown): boolean {
  return ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT'
}

/** Tries until the daemon listens, the signal aborts, or `absent` says that there is no daemon to wait for. */
async function retry(
  paths: readonly string[],
  signal: AbortSignal,
  absent: () => Error | undefined,
): Promise<Socket> {
  for (;;) {
    await delay(20, undefined, { signal })
    const { socket } = await firstOf(paths, signal)
    if (socket !== undefined) return socket
    const cause = absent()
    if (cause !== undefined) {
      const message = `No libvirt daemon can be started for this session: ${cause.message}`
      throw new LibvirtError({ kind: 'connection', message, cause })
    }
  }
}

/**
 * Starts the session's daemon, the modular one where it is installed. It ends by itself after two minutes without
 * clients. A second one started at the same time finds the first and ends. Returns what tells whether neither is
 * installed.
 */
function startSessionDaemon(driver: string): () => Error | undefined {
  let failure: Error | undefined
  const start = (program: string, otherwise?: string) => {
    const child = spawn(program, ['--timeout=120'], { detached: true, stdio: 'ignore' })
    child.once('error', (error) => {
      if (otherwise === undefined) failure = error
      else start(otherwise)
    })
    child.unref()
  }
  start(`virt${driver}d`, 'libvirtd')
  return () => failure
}

function tryConnect(path: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    const onAbort = () => {
      socket.destroy()
      reject(new LibvirtError({ kind: 'cancelled', message: `Connecting to ${path} was cancelled` }))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort)
      socket.removeAllListeners('error')
      resolve(socket)
    })
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      signal.removeEventListener('abort', onAbort)
      reject(new LibvirtError({ kind: 'connection', message: reasonFor(path, cause), cause }))
    })
  })
}

function reasonFor(path: string, cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case 'ENOENT':
      return `No libvirt daemon: ${path} does not exist`
    case 'ECONNREFUSED':
      return `No libvirt daemon listens on ${path}`
    case 'EACCES':
      return `No permission to connect to ${path}`
    default:
      return `Cannot connect to ${path}: ${cause.message}`
  }
}

function channel(socket: Socket): Channel {
  return { input: socket, output: socket, destroy: () => socket.destroy() }
}
