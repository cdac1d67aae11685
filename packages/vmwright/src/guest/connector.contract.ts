import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { GuestAccess } from '../hypervisor/guest-access.ts'
import { Progress } from '../lib/progress.ts'
import { realSeam } from '../lib/seam.ts'
import { Secret } from '../lib/secret.ts'
import { defaultLifecycle } from '../spec/resolved-lifecycle.ts'
import { type ConnectorContext, type GuestConnector, connectorOf } from './connector.ts'
import type { SshConnection } from './connector-ssh.ts'
import type { SshTarget } from './ssh-client.ts'
import { type TestSshd, startSshd, testPassword, whyNoSshd, whyNoUsers } from './testing/sshd.ts'

const run = promisify(execFile)
const base = defaultLifecycle('/r').connection as SshConnection
let folder: string
let progress: Progress
let guest: TestSshd
let jump: TestSshd

beforeEach(async ({ skip }) => {
  const why = whyNoSshd() ?? whyNoUsers()
  skip(why !== undefined, why)
  const seam = realSeam()
  progress = new Progress(seam, { deadlineMs: seam.monotonicMs() + 55_000 })
  folder = await mkdtemp(join(tmpdir(), 'vmwright ansible-'))
  guest = await startSshd()
  jump = await startSshd()
})
afterEach(async () => {
  await guest?.[Symbol.asyncDispose]()
  await jump?.[Symbol.asyncDispose]()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

function connector(
  changes: Partial<SshConnection> = {},
  more: { readonly jumps?: readonly SshTarget[]; readonly key?: Secret | undefined } = {},
): GuestConnector {
  const { port, user, hostKeys, privateKey } = guest.target()
  const access: Pick<GuestAccess, 'addresses'> = {
    addresses: async () => ({ lease: ['127.0.0.1'], arp: [], agent: [] }),
  }
  const context: ConnectorContext = {
    name: 'web-1',
    connection: { ...base, port, timeoutMs: 20_000, ...changes },
    access: access as GuestAccess,
    login: { user, hostKeys, privateKey: 'key' in more ? more.key : privateKey, identityFile: undefined },
    knownAddresses: [],
    jumps: more.jumps ?? [],
    readSecret: async () => new Secret(testPassword),
  }
  return connectorOf(context)
}

it('G5: waits for a real login, opens, and works', async () => {
  const ssh = connector()
  await using reached = await ssh.awaitReachable(progress)
  expect((await reached?.run(progress, { script: 'echo there' }))?.stdout).toBe('there\n')
  await using channel = await ssh.open(progress)
  expect((await channel.run(progress, { script: 'echo in' })).stdout).toBe('in\n')
})

it('G5: waits for a login that is refused until the time is over, and says so', async () => {
  const refused = connector({ user: 'vmw-none', timeoutMs: 2_000 }, { key: new Secret(await foreignKey()) })
  await expect(refused.awaitReachable(progress)).rejects.toMatchObject({ code: 'guest.ssh-refused' })
  await connector({ user: 'vmw-none', timeoutMs: 2_000, wait: 'port' }).awaitReachable(progress)
})

it('G5: an encrypted key is told with the command that takes the passphrase off', async () => {
  const path = join(folder, 'encrypted')
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'passphrase', '-f', path])
  await expect(connector({ identityFile: path }).open(progress)).rejects.toMatchObject({
    code: 'guest.key-unreadable',
    hint: expect.stringContaining(`ssh-keygen -p`) as string,
  })
})

it('G5: logs in by keyboard-interactive where sshd wants that', async ({ skip }) => {
  skip(!existsSync('/etc/pam.d/sshd'), 'PAM has no service sshd here')
  const lines = ['UsePAM yes', 'PasswordAuthentication no', 'KbdInteractiveAuthentication yes']
  await guest[Symbol.asyncDispose]()
  guest = await startSshd(lines)
  const password = { kind: 'env', name: 'P' } as const
  await using channel = await connector({ user: 'vmw-none', password }, { key: undefined }).open(progress)
  expect((await channel.run(progress, { script: 'id -un' })).stdout).toBe('vmw-none\n')
})

it('G5: Ansible gets in with a key, a known host key and no other, and through a jump host', async ({
  skip,
}) => {
  skip(!(await hasAnsible()), 'ansible is missing: install ansible-core')
  for (const jumps of [
    [],
    [jump.target({ user: 'vmw-none' })],
    [jump.target({ user: 'vmw-none' }), guest.target()],
  ]) {
    const access = await connector({}, { jumps }).ansible(progress, folder)
    for (const path of access.files) expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(JSON.stringify(access.inventory)).not.toContain('PRIVATE KEY')
    expect(await pings(access.inventory)).toMatch(/"ping": "pong"/)
  }
  const config = await readFile(join(folder, 'web-1.ssh_config'), 'utf8')
  expect(config).toContain('StrictHostKeyChecking yes')
})

it('G5: Ansible does not get in where the host key is another', async ({ skip }) => {
  skip(!(await hasAnsible()), 'ansible is missing: install ansible-core')
  const { inventory } = await connector().ansible(progress, folder)
  const other =
    (await readFile(join(jump.folder, 'host-0.pub'), 'utf8').catch(() => '')) || jump.target().hostKeys[0]
  await writeFile(join(folder, 'web-1.known_hosts'), `[127.0.0.1]:${guest.target().port} ${other}\n`)
  expect(await pings(inventory)).toMatch(/Host key verification failed|HOST IDENTIFICATION HAS CHANGED/)
})

it('G5: Ansible gets in with a password that is in one file and in no argument list', async ({ skip }) => {
  skip(!(await hasAnsible()), 'ansible is missing: install ansible-core')
  skip(!existsSync('/usr/bin/sshpass'), 'sshpass is missing: install sshpass')
  const password = { kind: 'env', name: 'P' } as const
  const access = await connector({ user: 'vmw-free', password }, { key: undefined }).ansible(progress, folder)
  expect(JSON.stringify(access.inventory)).not.toContain('secret')
  expect(await pings(access.inventory)).toMatch(/"ping": "pong"/)
})

const foreignKey = async (): Promise<string> => {
  const path = join(folder, 'foreign')
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path])
  return await readFile(path, 'utf8')
}

const hasAnsible = async (): Promise<boolean> =>
  await run('ansible', ['--version']).then(
    () => true,
    () => false,
  )

/** What `ansible -m ping` says of a host with these variables. */
async function pings(inventory: Readonly<Record<string, unknown>>): Promise<string> {
  const variables = { ...inventory, ansible_python_interpreter: '/usr/bin/python3' }
  const path = join(folder, 'inventory.json')
  await writeFile(path, JSON.stringify({ all: { hosts: { 'web-1': variables } } }))
  const environment = { ...process.env, HOME: folder, ANSIBLE_LOCAL_TEMP: folder, ANSIBLE_NOCOLOR: '1' }
  const words = ['-i', path, 'web-1', '-m', 'ping', '-T', '20', '-e', 'ansible_ssh_transfer_method=piped']
  const { stdout, stderr } = await run('ansible', words, { env: environment }).catch(
    (error: unknown) => error as { stdout: string; stderr: string },
  )
  return stdout + stderr
}
