import childProcess from 'node:child_process'
import net from 'node:net'
import { syncBuiltinESMExports } from 'node:module'

/**
 * Unit tests decide things; they neither run programs nor leave the machine. A UNIX socket or loopback is
 * allowed, because the byte-level fakes live there. The error is not an `Error` that product code would catch
 * and turn into a result: it ends the test run.
 */
const forbidden = (what: string): never => {
  queueMicrotask(() => {
    throw new Error(`a unit test tried to ${what}; write a contract or acceptance test instead`)
  })
  throw new Error(`forbidden in a unit test: ${what}`)
}

for (const name of ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'] as const) {
  Object.assign(childProcess, { [name]: () => forbidden(`run a program (child_process.${name})`) })
}

const connect = net.Socket.prototype.connect
net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
  const options = (Array.isArray(args[0]) ? args[0][0] : args[0]) as
    { path?: string; host?: string } | undefined
  const host = options?.host
  const isLocal =
    options?.path !== undefined ||
    host === undefined ||
    host === '127.0.0.1' ||
    host === '::1' ||
    host === 'localhost'
  if (!isLocal) forbidden(`connect to ${host}`)
  return connect.apply(this, args as Parameters<typeof connect>)
} as typeof connect

syncBuiltinESMExports()
