import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { generateHostKeys, generateUserKey } from '../../cloudinit/host-keys.ts'
import type { SshTarget } from '../ssh-client.ts'

const program = '/usr/sbin/sshd'

export const whyNoSshd = (): string | undefined =>
  existsSync(program) ? undefined : 'sshd is missing: install openssh-server'

const isRoot = process.getuid?.() === 0

/** Why there can be no users of the test's own: they are made in a mount namespace. */
export const whyNoUsers = (): string | undefined => (isRoot ? undefined : 'users of its own need root')

export interface TestSshd extends AsyncDisposable {
  readonly folder: string
  readonly identityFile: string
  /** Of the listener. */
  readonly pid: number
  /** For whoever runs the test. */
  target(changes?: Partial<SshTarget>): SshTarget
  /** Processes of sshd, the one that serves each connection and what they started not among them. */
  connections(): Promise<readonly number[]>
}

/** The password of all users that root's sshd sees. */
export const testPassword = `it's "secret" $HOME \\ 7`

/**
 * A real OpenSSH server on loopback with keys and a folder of its own; `lines` win over its configuration. Started by root,
 * it sees three more users: `vmw-free` may use sudo, `vmw-asked` after its password, `vmw-none` not; and root's home is
 * an empty folder, without the start files of the one who runs the test.
 */
export async function startSshd(lines: readonly string[] = []): Promise<TestSshd> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-sshd-'))
  const hostKeys = generateHostKeys()
  const userKey = generateUserKey('test')
  const port = await freePort()
  const identityFile = join(folder, 'user')
  for (const [index, key] of hostKeys.entries())
    await writeFile(join(folder, `host-${index}`), key.privateKey.reveal(), { mode: 0o600 })
  await writeFile(identityFile, userKey.privateKey.reveal(), { mode: 0o600 })
  await writeFile(join(folder, 'user.pub'), `${userKey.publicKey}\n`)
  const config = [
    // sshd_config(5): the first value counts.
    ...lines,
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    ...hostKeys.map((_key, index) => `HostKey ${folder}/host-${index}`),
    `AuthorizedKeysFile ${folder}/user.pub`,
    `PidFile ${folder}/pid`,
    'PermitRootLogin yes',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication yes',
    'KbdInteractiveAuthentication no',
  ]
  await writeFile(join(folder, 'config'), config.join('\n'))
  await mkdir('/run/sshd', { recursive: true }).catch(() => {})
  const sshd = [program, '-D', '-e', '-f', join(folder, 'config')]
  const [path = '', ...args] = isRoot
    ? ['unshare', '-m', 'sh', '-ec', withUsers, 'sh', folder, testPassword, ...sshd]
    : sshd
  const server = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    server.stderr.on('data', (data: Buffer) => {
      said = (said + data.toString()).slice(-10_000)
      if (said.includes('listening')) resolve()
    })
    server.once('exit', () => reject(new Error(`sshd does not start: ${said}`)))
  })
  const run = promisify(execFile)
  const connections = async (): Promise<readonly number[]> => {
    const { stdout } = await run('ps', ['-o', 'pid=', '--ppid', String(server.pid)])
    return stdout.split('\n').map(Number).filter(Boolean)
  }
  return {
    folder,
    identityFile,
    pid: server.pid ?? 0,
    connections,
    target: (changes = {}) => ({
      address: '127.0.0.1',
      port,
      user: userInfo().username,
      hostKeys: hostKeys.map((key) => key.publicKey),
      privateKey: userKey.privateKey,
      ...changes,
    }),
    async [Symbol.asyncDispose]() {
      for (const pid of await connections().catch(() => [])) kill(pid)
      server.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone already.
  }
}

/** Users in copies of the system's files, which only this sshd and what it starts see. */
const withUsers = `
folder=$1 password=$2; shift 2
mount --make-rprivate /
chmod 755 "$folder"
hash=$(openssl passwd -6 -- "$password")
for file in passwd shadow group; do cp -p /etc/$file "$folder/$file"; done
mkdir "$folder/root"
sed -i "s,^root:.*,root:x:0:0:root:$folder/root:/bin/bash," "$folder/passwd"
id=64100
for user in vmw-free vmw-asked vmw-none; do
  mkdir "$folder/$user"
  echo "$user:x:$id:$id::$folder/$user:/bin/sh" >>"$folder/passwd"
  echo "$user:$hash:19000:0:99999:7:::" >>"$folder/shadow"
  echo "$user:x:$id:" >>"$folder/group"
  chown $id:$id "$folder/$user"
  id=$((id + 1))
done
mkdir "$folder/sudoers.d"
printf '%s\\n' 'vmw-free ALL=(ALL) NOPASSWD: ALL' 'vmw-asked ALL=(ALL) ALL' >"$folder/sudoers.d/test"
chmod 440 "$folder/sudoers.d/test"
for file in passwd shadow group sudoers.d; do mount --bind "$folder/$file" "/etc/$file"; done
exec "$@"`

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
