import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { vi } from 'vitest'
import { ProvisionError } from '../../../../lib/errors.ts'
import { runProgram } from '../../../../lib/process.ts'
import { Progress } from '../../../../lib/progress.ts'
import { realSeam } from '../../../../lib/seam.ts'
import type { HostSpec } from '../../../../spec/resolved.ts'
import type { BridgeDefinition } from '../../../host/bridges.ts'
import { type HostShell, hostShell } from '../../host-shell.ts'
import { hostBridges } from './bridges.ts'

const run = promisify(execFile)
export const progress = new Progress(realSeam())

export const bridge: BridgeDefinition = {
  name: 'br0',
  interface: 'lan0',
  stp: false,
  confirmWithinMs: 10_000,
}
/** For those that nobody confirms. */
export const hasty: BridgeDefinition = { ...bridge, confirmWithinMs: 4_000 }

export const addresses = { host: '10.77.0.2/24', gateway: '10.77.0.1', host6: 'fd77::2/64' } as const

/** Why there can be no lab here; `undefined`: there can. */
export function whyNoLab(...tools: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
  const missing = ['ip', 'sshd', 'ssh', 'unshare', 'nsenter', ...tools].find(
    (tool) => !folders.some((folder) => existsSync(join(folder, tool))),
  )
  return missing === undefined ? undefined : `${missing} is missing`
}

/**
 * A host with the interface `lan0`, and a switch with a router that it is reached from, each a network namespace. An
 * sshd runs on the host in a mount namespace of its own, where `/etc`, `/run` and `/var/lib` can be written without
 * anything being changed here; it is reached over the wire alone.
 */
export interface Lab extends AsyncDisposable {
  readonly shell: HostShell
  /** Runs a script at the console of the host, whatever its network is. */
  console(script: string): Promise<string>
  /** The same in the switch's namespace, where the host's port is `port1`. */
  atSwitch(script: string): Promise<string>
  /** Addresses, routes and bridges as they are. */
  network(): Promise<string>
  /** A new connection to it works. */
  reach(): Promise<void>
  /** The phase of the run, and why. */
  state(kind?: 'make' | 'remove'): Promise<string>
}

let labs = 0

export async function openLab(setUp = '', tools: Readonly<Record<string, string>> = {}): Promise<Lab> {
  const id = `vwb${process.pid}x${labs++}`
  const [host, gateway] = [`${id}h`, `${id}s`]
  const folder = await mkdtemp(join(tmpdir(), 'vwb-'))
  const at = (...names: readonly string[]): string => join(folder, ...names)
  await mkdir(at('tools'))
  for (const [name, text] of Object.entries(tools)) await writeFile(at('tools', name), text, { mode: 0o755 })
  for (const name of ['host', 'user'])
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)])
  await chmod(folder, 0o755)
  await writeFile(at('sshd_config'), sshdConfig(at))
  const key = (await readFile(at('host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ')
  const address = addresses.host.split('/')[0]
  await writeFile(at('known_hosts'), `${address} ${key}\n`)

  await run('sh', ['-euc', network, 'sh', host, gateway])
  const server = spawn('ip', ['netns', 'exec', host, 'unshare', '-m', 'sh', '-euc', ownFiles, 'sh', folder], {
    stdio: 'ignore',
  })
  const console = async (script: string): Promise<string> => {
    const pid = (await readFile(at('sshd.pid'), 'utf8')).trim()
    const words = ['--target', pid, '--mount', '--net', 'sh', '-c', `PATH=${at('tools')}:$PATH; ${script}`]
    return (await run('nsenter', words)).stdout
  }
  await vi.waitFor(() => console('true'), { timeout: 10_000 })
  await console(setUp === '' ? byHand : setUp)
  const atSwitch = async (script: string): Promise<string> =>
    (await run('ip', ['netns', 'exec', gateway, 'sh', '-c', script])).stdout

  const uri = `qemu+ssh://root@${address}/system?keyfile=${at('user')}&known_hosts=${at('known_hosts')}`
  const shell = within(gateway, hostShell({ name: 'rack1', uri } satisfies Partial<HostSpec> as HostSpec))
  return {
    shell,
    console,
    atSwitch,
    async reach() {
      const effect = { kind: 'test.reach', object: 'host', mutates: false }
      const limited = progress.child({ timeoutMs: 10_000 })
      await shell.run(limited, { script: 'true', effect, privileged: false, connection: 'own' })
    },
    state: async (kind = 'make') => (await console(`cat /var/lib/vmwright/bridges/br0/${kind}/state`)).trim(),
    network: () =>
      console(
        'ip -o address show scope global | sed "s/valid_lft.*//; s/^[0-9]*: //; s/nodad//; s/  */ /g"; ip route | sed "s/ *$//"; ip -6 route show default; ls -d /sys/class/net/*/brif/* || true',
      ),
    async [Symbol.asyncDispose]() {
      for (const name of [host, gateway])
        await run('sh', ['-c', 'kill -9 $(ip netns pids "$1") 2>/dev/null; ip netns delete "$1"', 'sh', name])
      server.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const network = `
ip netns add "$1"; ip netns add "$2"
for name do ip -n "$name" link set lo up; done
ip -n "$2" link add sw0 type bridge
ip -n "$2" address add ${addresses.gateway}/24 dev sw0
ip -n "$2" address add fd77::1/64 dev sw0 nodad
ip -n "$2" link add port1 type veth peer name lan0 netns "$1"
ip -n "$2" link set port1 master sw0
ip -n "$2" link set port1 up
ip -n "$2" link set sw0 up`

/** `ip netns exec` has given it the namespace's own /sys. No login runs what is in anybody's home. */
const ownFiles = `
mkdir "$1/mounts"
mount -t tmpfs lab "$1/mounts"
for each in etc var/lib; do
  mkdir -p "$1/mounts/upper/$each" "$1/mounts/work/$each"
  mount -t overlay -o "lowerdir=/$each,upperdir=$1/mounts/upper/$each,workdir=$1/mounts/work/$each" lab "/$each"
done
mount -t tmpfs lab /run
mkdir /run/home
sed -i "s,^\\(root:.*\\):[^:]*:,\\1:/run/home:," /etc/passwd
mkdir -p -m 755 /run/sshd /run/network /etc/network/interfaces.d /etc/netplan
rm -rf /var/lib/vmwright
echo 'source /etc/network/interfaces.d/*' >/etc/network/interfaces
exec "$(command -v sshd || echo /usr/sbin/sshd)" -D -e -f "$1/sshd_config"`

/** As somebody at the console would. */
export const byHand = `
ip link set lan0 up
ip address add ${addresses.host} dev lan0
ip address add ${addresses.host6} dev lan0 nodad
ip route add default via ${addresses.gateway}
ip route add 10.88.0.0/16 via 10.77.0.9 metric 7`

const sshdConfig = (at: (...names: readonly string[]) => string): string =>
  [
    'Port 22',
    `HostKey ${at('host')}`,
    `AuthorizedKeysFile ${at('user.pub')}`,
    `PidFile ${at('sshd.pid')}`,
    `SetEnv PATH=${at('tools')}:/usr/sbin:/usr/bin:/sbin:/bin`,
    'PermitRootLogin yes',
    'StrictModes no',
    'UsePAM no',
    'UseDNS no',
    '',
  ].join('\n')

/** Begins to make or remove the bridge, and is gone as soon as the host waits for a confirmation. */
export async function abandon(lab: Lab, wanted = hasty, kind: 'make' | 'remove' = 'make'): Promise<void> {
  const leaving = new AbortController()
  const seam = realSeam({
    before: ({ kind: effect }) =>
      effect === 'shell.confirm-bridge' ? leaving.abort(new Error('gone')) : undefined,
  })
  const change = hostBridges(lab.shell)[kind](new Progress(seam, { signal: leaving.signal }), wanted)
  const reason: unknown = await change.catch((error: unknown) => error)
  if (!(reason instanceof Error && reason.message === 'gone')) throw reason
}

/** Until the host has gone back by itself. */
export const rolledBack = (lab: Lab, kind: 'make' | 'remove' = 'make'): Promise<string> =>
  vi.waitFor(
    async () => {
      const now = await lab.state(kind)
      if (!now.startsWith('rolled-back')) throw new Error(`not yet: ${now}`)
      return now
    },
    { timeout: 40_000, interval: 250 },
  )

/** The shell with its `ssh` run in that namespace. */
function within(namespace: string, shell: HostShell): HostShell {
  return {
    ...shell,
    async run(parent, command) {
      const limit = Number.isFinite(parent.remainingMs)
        ? [AbortSignal.timeout(Math.ceil(parent.remainingMs))]
        : []
      const { input, effect } = command
      const words = ['netns', 'exec', namespace, ...shell.commandLine(command)]
      const result = await parent.seam
        .effect(effect, () =>
          runProgram('ip', words, {
            signal: AbortSignal.any([parent.signal, ...limit]),
            ...(input === undefined ? {} : { input }),
          }),
        )
        .catch((error: unknown) => {
          parent.check()
          throw limit[0]?.aborted === true ? new ProvisionError('host.timeout', { message: 'Late.' }) : error
        })
      if (result.exitCode === 255) throw new ProvisionError('host.unreachable', { message: result.stderr })
      return result
    },
  }
}
