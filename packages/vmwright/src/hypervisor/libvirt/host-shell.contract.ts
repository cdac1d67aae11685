import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, connect, type AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Progress } from '../../lib/progress.ts'
import { realSeam } from '../../lib/seam.ts'
import type { HostSpec } from '../../spec/resolved.ts'
import { inspectFiles } from './files/inspect.ts'
import { hostShell, type HostShell } from './host-shell.ts'

const program = (name: string): string | undefined =>
  [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))

const sshd = program('sshd')
const progress = new Progress(realSeam())
const effect = { kind: 'shell.test', object: 'test', mutates: false } as const
const odd = [` a  b `, `'"'"''`, 'a\nb\n', '$(id) `id` ${HOME}', '-rf', '', '* \\ \\n ! # ; & | > <', 'Übung']

describe('a shell on another host', () => {
  let folder: string
  let server: ChildProcess
  let uri: (user?: string) => string

  const isThere = sshd !== undefined && program('ssh') !== undefined
  beforeEach(({ skip }) =>
    skip(!isThere, 'ssh or sshd is missing: install openssh-client and openssh-server'),
  )

  beforeAll(async () => {
    if (!isThere) return
    folder = await mkdtemp(join(tmpdir(), 'hs-'))
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
    ]
    await writeFile(join(folder, 'sshd_config'), config.join('\n'))
    server = spawn(sshd ?? '', ['-D', '-e', '-f', join(folder, 'sshd_config')], { stdio: 'ignore' })
    const hostKey = (await readFile(join(folder, 'host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ')
    await writeFile(join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`)
    await vi.waitFor(() => reach(port), { timeout: 10_000 })
    uri = (user = userInfo().username) =>
      `qemu+ssh://${user}@127.0.0.1:${port}/system?keyfile=${folder}/user&known_hosts=${folder}/known_hosts`
  })
  afterAll(async () => {
    if (!isThere) return
    server.kill()
    await rm(folder, { recursive: true, force: true })
  })

  const open = (address = uri()): HostShell =>
    hostShell({ name: 'there', uri: address } satisfies Partial<HostSpec> as HostSpec)

  it('X3: gives a script its arguments, its input and its exit code as they are', async () => {
    const script = 'for word do printf "%s\\0" "$word"; done | base64 -w0; cat; echo bad >&2; exit 7'
    const input = 'line $(id)\n'
    const told = await open().run(progress, { script, arguments: odd, input, effect, privileged: false })
    const [words = ''] = told.stdout.split('line')
    expect(Buffer.from(words, 'base64').toString()).toBe(odd.map((word) => `${word}\0`).join(''))
    expect(told).toMatchObject({ exitCode: 7, stderr: 'bad\n' })
    expect(told.stdout).toContain('line $(id)\n')
  })

  it('T8: tells of files there', async () => {
    const path = join(folder, `quote' "and\nline`)
    await writeFile(path, 'content')
    const [file] = await inspectFiles(open(), progress, [path], { sha256: false })
    expect(file).toMatchObject({ path, kind: 'file', sizeBytes: 7 })
    expect(Buffer.from(file?.head ?? []).toString()).toBe('content')
  })

  it('X4: is cut off at the deadline', async () => {
    const limited = progress.child({ timeoutMs: 500 })
    const call = open().run(limited, { script: 'sleep 5', effect, privileged: false })
    await expect(call).rejects.toMatchObject({ code: 'host.timeout' })
  })

  it('that refuses the login is unreachable, with what ssh said', async () => {
    const call = open(uri('nobody')).run(progress, { script: 'id', effect, privileged: false })
    await expect(call).rejects.toMatchObject({
      code: 'host.unreachable',
      message: expect.stringContaining('Permission denied'),
    })
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const reach = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(void socket.destroy()))
    socket.once('error', reject)
  })
