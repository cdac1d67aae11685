import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Where a program is; administrators' folders are not in everybody's PATH. */
export const programPath = (name: string): string | undefined =>
  [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))

export interface LoopbackGuest extends AsyncDisposable {
  /** What a connector tells Ansible. */
  readonly inventory: Readonly<Record<string, unknown>>
  readonly folder: string
}

/** A server for SSH on this machine that stands for a guest, with keys of its own. */
export async function loopbackGuest(): Promise<LoopbackGuest> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-sshd-'))
  for (const name of ['host', 'user'])
    await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)])
  const port = await freePort()
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(folder, 'host')}`,
    `AuthorizedKeysFile ${join(folder, 'user.pub')}`,
    `PidFile ${join(folder, 'sshd.pid')}`,
    'PermitRootLogin yes',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'Subsystem sftp internal-sftp',
  ]
  await writeFile(join(folder, 'sshd_config'), config.join('\n'))
  const server = spawn(programPath('sshd') ?? 'sshd', ['-D', '-e', '-f', join(folder, 'sshd_config')], {
    stdio: 'ignore',
  })
  const [type, key] = (await readFile(join(folder, 'host.pub'), 'utf8')).split(' ')
  await writeFile(join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${type} ${key}\n`)
  await untilOpen(port)
  return {
    folder,
    inventory: {
      ansible_connection: 'ssh',
      ansible_host: '127.0.0.1',
      ansible_port: port,
      ansible_user: userInfo().username,
      ansible_ssh_private_key_file: join(folder, 'user'),
      ansible_ssh_common_args: `-o UserKnownHostsFile=${join(folder, 'known_hosts')} -o IdentitiesOnly=yes`,
    },
    [Symbol.asyncDispose]: () => end(server, folder),
  }
}

async function end(server: ChildProcess, folder: string): Promise<void> {
  server.kill()
  await rm(folder, { recursive: true, force: true })
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

async function untilOpen(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.unref()
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) return
    await new Promise((resolve) => {
      setTimeout(resolve, 100)
    })
  }
  throw new Error(`nothing listens at ${port}`)
}
