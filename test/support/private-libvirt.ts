import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmod, copyFile, cp, appendFile, mkdir, readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { openVirsh, type Virsh } from './virsh.ts'

/**
 * A libvirtd beside the system's, with its own folders, networks and processes (mount, network and PID namespaces
 * of Linux). It is a real one with real QEMUs, but a test may stop it, kill it and count all that it has.
 */
export interface PrivateLibvirt extends AsyncDisposable {
  readonly uri: string
  readonly virsh: Virsh
  stop(): Promise<void>
  start(): Promise<void>
  /** Ends libvirtd at once, as a power failure would; its QEMUs stay. */
  kill(): Promise<void>
  /** Words before a command, to run it where its libvirtd runs, with its files and its network. */
  readonly inside: readonly [string, ...string[]]
  /** Puts a file system of that size (`16m`) at a folder, as its QEMUs and libvirtd see it. */
  tmpfs(path: string, size: string): Promise<void>
}

/** Why there can be no private libvirt here; `undefined`: there can. */
export function whyNoPrivateLibvirt(): string | undefined {
  if (process.getuid?.() !== 0) return 'a private libvirtd needs root'
  const { status } = spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', 'true'], {
    stdio: 'ignore',
  })
  return status === 0
    ? undefined
    : 'a private libvirtd needs namespaces (unshare), which are not allowed here'
}

export async function openPrivateLibvirt(folder: string): Promise<PrivateLibvirt> {
  const root = join(folder, 'libvirt')
  for (const name of ['etc', 'lib', 'run', 'cache', 'log']) await mkdir(join(root, name), { recursive: true })
  for (const path of [root, join(root, 'lib'), join(root, 'cache')]) await chmod(path, 0o711)
  for (const name of ['libvirtd.conf', 'qemu.conf'])
    await copyFile(join('/etc/libvirt', name), join(root, 'etc', name))
  // What libvirt knows about the QEMU programs; without it each call would probe them again.
  await cp('/var/cache/libvirt', join(root, 'cache'), { recursive: true, preserveTimestamps: true })
  await appendFile(join(root, 'etc/qemu.conf'), '\nstdio_handler = "file"\ncgroup_controllers = []\n')

  const script = join(import.meta.dirname, 'private-libvirt.sh')
  const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc']
  const init = spawn('unshare', [...namespaces, 'bash', script, root], { stdio: ['pipe', 'pipe', 'ignore'] })
  const tell = commander(init)
  const uri = `qemu:///system?socket=${join(root, 'run/libvirt-sock')}`
  const virsh = openVirsh(uri)
  const ready = async (): Promise<void> => {
    const limitMs = performance.now() + 120_000
    for (;;) {
      try {
        return void (await virsh('uri'))
      } catch (error) {
        if (performance.now() > limitMs || init.exitCode !== null)
          throw new Error(await readFile(join(root, 'daemon.log'), 'utf8'), { cause: error })
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }
  await ready()
  return {
    uri,
    virsh,
    inside: ['nsenter', '--target', String(init.pid), '--mount', '--net', '--'],
    stop: () => tell('stop'),
    kill: () => tell('kill'),
    start: async () => {
      await tell('start')
      await ready()
    },
    tmpfs: async (path, size) => {
      await mkdir(path, { recursive: true })
      await tell(`tmpfs ${path} ${size}`)
    },
    async [Symbol.asyncDispose]() {
      if (init.exitCode !== null || init.signalCode !== null) return
      const ended = new Promise((resolve) => init.once('exit', resolve))
      init.stdin?.end()
      await ended
    },
  }
}

/** Sends a command and waits until it is done. */
function commander(init: ChildProcess): (command: string) => Promise<void> {
  const waiting: ((answer: string) => void)[] = []
  if (init.stdout !== null) createInterface(init.stdout).on('line', (line) => waiting.shift()?.(line))
  init.once('exit', () => waiting.splice(0).forEach((resolve) => resolve('it ended')))
  return async (command) => {
    const answer = await new Promise<string>((resolve) => {
      waiting.push(resolve)
      init.stdin?.write(`${command}\n`)
    })
    if (
      answer.startsWith('start ') ||
      answer.startsWith('stop ') ||
      answer.startsWith('kill ') ||
      answer.endsWith(' 0')
    )
      return
    throw new Error(`${command}: ${answer}`)
  }
}
