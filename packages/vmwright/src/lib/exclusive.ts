import { connect, createServer, type Server } from 'node:net'
import { ProvisionError, systemCode } from './errors.ts'
import { sha256Hex } from './hash.ts'
import type { Progress } from './progress.ts'

interface HolderNote {
  readonly pid: number
  readonly holder: string
  readonly sinceMs: number
}

/**
 * Waits until this process alone holds `key` on this machine, and holds it until disposed or dead.
 *
 * The lock is a listening UNIX socket in Linux's abstract namespace (unix(7)): the kernel allows one listener a
 * name and frees it with the process, so a stale lock cannot exist. Whoever finds it taken connects, is told who
 * holds it, and learns from the closing of that connection that it is free.
 *
 * `holder` is shown to those who wait. Throws `host.locked`, naming the holder, at the progress's deadline.
 */
export async function acquireExclusive(
  progress: Progress,
  key: string,
  holder: string,
): Promise<AsyncDisposable> {
  const path = `\0vmwright-${sha256Hex(key).slice(0, 40)}`
  for (;;) {
    progress.check()
    const note: HolderNote = { pid: process.pid, holder, sinceMs: progress.seam.nowMs() }
    const server = await listen(path, note)
    if (server !== undefined) return { [Symbol.asyncDispose]: () => close(server) }
    await waitForRelease(progress, path, key)
  }
}

const guests = new WeakMap<Server, Set<{ destroy(): unknown }>>()

/** `undefined` when the name is taken. */
function listen(path: string, note: HolderNote): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const sockets = new Set<{ destroy(): unknown }>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
      socket.unref()
      socket.write(`${JSON.stringify(note)}\n`)
    })
    server.once('error', (error) => (systemCode(error) === 'EADDRINUSE' ? resolve(undefined) : reject(error)))
    server.listen(path, () => {
      server.unref()
      guests.set(server, sockets)
      resolve(server)
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    for (const socket of guests.get(server) ?? []) socket.destroy()
  })
}

/** Resolves when the present holder is gone. */
async function waitForRelease(progress: Progress, path: string, key: string): Promise<void> {
  const socket = connect(path)
  let text = ''
  let note: HolderNote | undefined
  socket.setEncoding('utf8').on('data', (data: string) => {
    text = (text + data).slice(0, 4096)
    note ??= parseNote(text)
    if (note !== undefined)
      progress.report({ what: `the lock of ${key}, held by ${note.holder} (pid ${note.pid})` })
  })
  const gone = new Promise<void>((resolve) => {
    socket.once('error', () => resolve())
    socket.once('close', () => resolve())
  })
  const limit = new AbortController()
  try {
    const timeUp = progress
      .child({ signal: limit.signal })
      .sleep(Math.min(progress.remainingMs, 2 ** 31 - 1))
      .then(() => 'time is up' as const)
    timeUp.catch(() => {})
    const outcome = await Promise.race([gone, timeUp])
    if (outcome !== 'time is up') return
    throw new ProvisionError('host.locked', {
      message: `Could not get the lock of ${key}: ${describe(note, progress.seam.nowMs())}.`,
      details: { ...note },
      retryable: true,
    })
  } finally {
    limit.abort()
    socket.destroy()
  }
}

/** `undefined` while the line is not complete, or when whoever holds the name speaks another language. */
function parseNote(text: string): HolderNote | undefined {
  const line = text.split('\n', 2)
  if (line.length < 2) return undefined
  try {
    const note: unknown = JSON.parse(line[0] ?? '')
    const isNote =
      note !== null && typeof note === 'object' && 'pid' in note && 'holder' in note && 'sinceMs' in note
    return isNote ? (note as HolderNote) : undefined
  } catch {
    return undefined
  }
}

const describe = (note: HolderNote | undefined, nowMs: number): string =>
  note === undefined
    ? 'another process holds it and does not say who it is'
    : `${note.holder} (pid ${note.pid}) has held it for ${Math.round((nowMs - note.sinceMs) / 1000)} s`
