import { execFile, spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { runProgram } from '../../../../lib/process.ts'
import { Progress } from '../../../../lib/progress.ts'
import { realSeam } from '../../../../lib/seam.ts'
import type { HostSpec } from '../../../../spec/resolved.ts'
import { hostShell, type HostShell } from '../../host-shell.ts'

const run = promisify(execFile)

export const progress = new Progress(realSeam())

/** Why there can be no network namespaces here; `undefined`: there can. */
export function whyNoNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  for (const tool of ['ip', 'nft', 'iptables', 'bash'])
    if (spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${tool}`]).status !== 0)
      return `${tool} is not installed`
  return spawnSync('unshare', ['--net', 'true']).status === 0
    ? undefined
    : 'network namespaces are not allowed here'
}

/** A machine of the test's own, as far as its network goes. */
export interface Namespace {
  readonly name: string
  readonly shell: HostShell
  /** Runs a shell command in it; its output. */
  sh(command: string): Promise<string>
}

let count = 0

export async function openNamespace(): Promise<Namespace & AsyncDisposable> {
  const name = `vw-${process.pid}-${(count += 1)}`
  await run('ip', ['netns', 'add', name])
  const wrapped = ['ip', 'netns', 'exec', name] as const
  const sh = async (command: string): Promise<string> =>
    (await run('ip', [...wrapped.slice(1), 'sh', '-ec', command])).stdout
  await sh('ip link set lo up')
  const outer = hostShell({ name, uri: 'qemu:///system' } satisfies Partial<HostSpec> as HostSpec)
  const commandLine: HostShell['commandLine'] = (command) => [...wrapped, ...outer.commandLine(command)]
  return {
    name,
    sh,
    shell: {
      ...outer,
      commandLine,
      run: (_, command) => {
        const [program, ...words] = commandLine(command)
        const { input, onLine } = command
        return runProgram(program, words, {
          ...(input === undefined ? {} : { input }),
          ...(onLine === undefined ? {} : { onLine }),
        })
      },
    },
    [Symbol.asyncDispose]: async () => void (await run('ip', ['netns', 'del', name])),
  }
}

/** A cable between an interface of each, which are made for it. */
export async function connect(
  [one, at]: readonly [Namespace, string],
  [other, there]: readonly [Namespace, string],
): Promise<void> {
  await one.sh(`ip link add ${at} type veth peer name ${there} netns ${other.name}`)
  await one.sh(`ip link set ${at} up`)
  await other.sh(`ip link set ${there} up`)
}

const defaultPort = 7000

/** Lets a namespace answer to everybody with the address that it sees of him. */
export async function answer(namespace: Namespace, port = defaultPort): Promise<AsyncDisposable> {
  const program = `require('node:net').createServer((each) => each.end(each.remoteAddress))
    .listen(${port}, '::', () => console.log('ready'))`
  const child = spawn('ip', ['netns', 'exec', namespace.name, process.execPath, '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve) => createInterface(child.stdout).once('line', resolve))
  return {
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill()
      await ended
    },
  }
}

/** Under which address `from` comes to whoever answers at `to`. Throws when he does not come there. */
export async function arrivesAs(from: Namespace, to: string, port = defaultPort): Promise<string> {
  const said = await call(from, to, port, 20)
  if (said === '') throw new Error(`${from.name} does not reach ${to}`)
  return said
}

/** True when `from` gets no answer of `to`, for as long as two attempts of a connection take. */
export const isCutOff = async (from: Namespace, to: string, port = defaultPort): Promise<boolean> =>
  (await call(from, to, port, 1.5)) === ''

async function call(from: Namespace, to: string, port: number, seconds: number): Promise<string> {
  const said = await from.sh(
    `timeout ${seconds} bash -c 'exec 3<>/dev/tcp/${to}/${port} && cat <&3' 2>/dev/null || true`,
  )
  return said.trim().replace(/^::ffff:/, '')
}
