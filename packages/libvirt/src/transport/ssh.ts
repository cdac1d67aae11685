import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { LibvirtError } from '../errors.ts'
import type { Channel, Dial } from './channel.ts'
import type { Route } from './uri.ts'
import { socketPaths } from './unix.ts'

export type SshRoute = Extract<Route, { kind: 'ssh' }>

export interface SshOptions {
  readonly route: SshRoute
  /** What to open there: `qemu:///system`. */
  readonly name: string
  readonly driver: string
  readonly path: string
  readonly readonly: boolean
}

/**
 * Runs the user's own `ssh`, so that `~/.ssh/config`, jump hosts and agents work, and speaks through it. It asks
 * nothing (`BatchMode`) and accepts no unknown host key. Further connections to the same host go through the first.
 */
export function sshDialer(options: SshOptions): Dial {
  return ({ signal }) => {
    const child = spawn('ssh', sshArguments(options, controlPath(options.route)), { stdio: 'pipe' })
    return new Promise((resolve, reject) => {
      const onAbort = () => child.kill()
      signal.addEventListener('abort', onAbort, { once: true })
      child.once('spawn', () => {
        signal.removeEventListener('abort', onAbort)
        resolve(channel(child))
      })
      child.once('error', (cause) => {
        signal.removeEventListener('abort', onAbort)
        reject(
          new LibvirtError({ kind: 'connection', message: `ssh cannot be run: ${cause.message}`, cause }),
        )
      })
    })
  }
}

/** The command line. Everything that comes from a URI is an argument of its own or quoted for the host's shell. */
export const sshArguments = (options: SshOptions, control: string | undefined): readonly string[] => [
  ...loginArguments(options.route, control),
  remoteCommand(options),
]

/**
 * Arguments for `ssh` that run a command on the host of a route, through the connection that the RPC uses too.
 * The words arrive there as they are: they are quoted for the login shell. `own`: through a new connection, which
 * proves that the host can be reached now.
 */
export const sshCommand = (
  route: SshRoute,
  words: readonly string[],
  connection: 'shared' | 'own' = 'shared',
): readonly string[] => [
  ...loginArguments(route, connection === 'own' ? undefined : controlPath(route)),
  words.map(quoted).join(' '),
]

function loginArguments(route: SshRoute, control: string | undefined): readonly string[] {
  const multiplex =
    control === undefined
      ? ['ControlPath=none']
      : ['ControlMaster=auto', `ControlPath=${control}`, 'ControlPersist=60']
  const settings = ['BatchMode=yes', 'StrictHostKeyChecking=yes', 'ClearAllForwardings=yes', ...multiplex]
  return [
    '-T',
    '-a',
    '-x',
    '-e',
    'none',
    ...settings.flatMap((setting) => ['-o', setting]),
    ...(route.knownHosts === undefined ? [] : ['-o', `UserKnownHostsFile=${route.knownHosts}`]),
    ...(route.keyFile === undefined ? [] : ['-i', route.keyFile]),
    ...(route.user === undefined ? [] : ['-l', route.user]),
    ...(route.port === undefined ? [] : ['-p', String(route.port)]),
    ...(route.jump === undefined ? [] : ['-J', route.jump]),
    '--',
    route.host,
  ]
}

/** libvirt's helper knows where the daemon listens; `nc` must be told. `-q 0` where it would not end with its input. */
const helper = 'exec virt-ssh-helper $ro "$uri"'
const netcat =
  'for s in "$@"; do if test -S "$s"; then ' +
  'if nc -q 2>&1 | grep -q "requires an argument"; then exec nc -q 0 -U "$s"; else exec nc -U "$s"; fi; ' +
  'fi; done; echo "no libvirt socket at $*" >&2; exit 1'
const either = `if command -v virt-ssh-helper >/dev/null 2>&1; then ${helper}; fi; ${netcat}`

function remoteCommand(options: SshOptions): string {
  const { route, name } = options
  const proxy = route.socket === undefined ? route.proxy : 'netcat'
  const sockets = route.socket === undefined ? remoteSockets(options) : [route.socket]
  const body = { native: helper, netcat, auto: sockets.length === 0 ? helper : either }[proxy]
  const script = `uri=$1; ro=$2; shift 2; ${body}`
  return ['sh', '-c', script, 'sh', name, options.readonly ? '-r' : '', ...sockets].map(quoted).join(' ')
}

/** Where a session's socket is depends on the host's environment: only the helper finds it. */
function remoteSockets(options: SshOptions): readonly string[] {
  return options.path === '/session' ? [] : socketPaths(options)
}

function quoted(word: string): string {
  return /^[\w./:-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/**
 * Where ssh keeps the socket of the shared connection: a folder that only we can write. A URI with other keys gets
 * another one, so that it does not ride on a connection that was checked against other keys. `undefined` where no
 * such folder can be had: then each connection logs in on its own.
 */
function controlPath(route: SshRoute): string | undefined {
  const runtime = process.env['XDG_RUNTIME_DIR']
  const uid = process.getuid?.()
  const folder = runtime ? join(runtime, 'libvirt-rpc') : join(tmpdir(), `libvirt-rpc-${uid ?? 'user'}`)
  const way = `${route.keyFile}\n${route.knownHosts}${route.jump === undefined ? '' : `\n${route.jump}`}`
  const keys = createHash('sha256').update(way).digest('hex').slice(0, 8)
  try {
    mkdirSync(folder, { mode: 0o700, recursive: true })
    const found = lstatSync(folder)
    if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) return undefined
  } catch {
    return undefined
  }
  // ssh replaces %C by 40 digits and adds 17 characters while it creates the socket, whose path may have 107 bytes.
  const path = join(folder, `${keys}-%C`)
  return path.length - 2 + 40 + 17 <= 107 ? path.replaceAll(/%(?!C$)/g, '%%') : undefined
}

/** The last of what ssh says on standard error is kept: it is the reason when it ends. */
const keptErrorBytes = 2048

function channel(child: ChildProcessWithoutNullStreams): Channel {
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-keptErrorBytes)))
  child.stdin.on('error', () => undefined)
  // The input ends only when ssh has ended too, so that its reason is known by then.
  const input = new PassThrough()
  child.stdout.pipe(input, { end: false })
  let missing = 2
  const ended = () => {
    missing -= 1
    if (missing === 0) setImmediate(() => input.end())
  }
  child.stdout.once('end', ended)
  child.once('exit', () => {
    ended()
    // The process that keeps the shared connection holds our standard error; it must not hold our process.
    child.stderr.destroy()
  })
  const destroy = () => {
    child.kill()
    child.stdout.destroy()
    child.stderr.destroy()
    input.destroy()
  }
  return { input, output: child.stdin, destroy, explain: () => lastLines(said) }
}

function lastLines(text: string): string | undefined {
  const lines = text.trim().split('\n').slice(-3).join('; ').replaceAll('\r', '')
  return lines === '' ? undefined : `ssh: ${lines}`
}
