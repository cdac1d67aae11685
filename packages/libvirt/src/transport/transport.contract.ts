import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { existsSync, readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { calls, openLibvirt } from '../index.ts'

const run = promisify(execFile)
const index = fileURLToPath(new URL('../index.ts', import.meta.url))
const account = ordinaryAccount()
const libvirtd = program('libvirtd')
const sshd = program('sshd')
let folder = ''
const children: ChildProcess[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lv-'))
  if (account !== undefined) await chown(folder, account.uid, account.gid)
})

afterAll(async () => {
  for (const child of children) {
    child.kill()
    if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve))
  }
  await rm(folder, { recursive: true, force: true })
})

const forSession = absentOf({ account, libvirtd })
describe.skipIf(forSession.length > 0)(titled('qemu:///session', forSession), () => {
  it('starts the daemon of an ordinary user when it is absent, and finds it the second time', async () => {
    const script = `
      import { calls, openLibvirt } from ${JSON.stringify(index)}
      for (let round = 0; round < 2; round++) {
        await using libvirt = await openLibvirt('qemu:///session', { timeoutMs: 40_000 })
        console.log((await libvirt.call(calls.connectGetUri, {})).uri)
      }`
    const file = join(folder, 'session.ts')
    await writeFile(file, script)
    const { stdout } = await asAccount(process.execPath, ['--conditions=source', file])
    expect(stdout).toBe('qemu:///session\nqemu:///session\n')
    const pid = Number(await readFile(join(folder, 'libvirt/libvirtd.pid'), 'utf8'))
    process.kill(pid)
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), { timeout: 10_000 })
  })

  it('tells at once when no daemon is installed', async () => {
    const script = `
      import { openLibvirt } from ${JSON.stringify(index)}
      process.env.PATH = ${JSON.stringify(folder)}
      process.env.XDG_RUNTIME_DIR = ${JSON.stringify(join(folder, 'elsewhere'))}
      console.log(await openLibvirt('qemu:///session').catch((error) => error.message))`
    const file = join(folder, 'none.ts')
    await writeFile(file, script)
    const { stdout } = await asAccount(process.execPath, ['--conditions=source', file])
    expect(stdout).toBe('No libvirt daemon can be started for this session: spawn libvirtd ENOENT\n')
  })
})

const forTls = absentOf({ account, libvirtd, openssl: program('openssl') })
describe.skipIf(forTls.length > 0)(titled('TLS', forTls), () => {
  let port: number
  beforeAll(async () => {
    await certificates()
    port = await freePort()
    const config = ['listen_tls = 1', 'listen_tcp = 0', 'listen_addr = "127.0.0.1"', `tls_port = "${port}"`]
    for (const [key, file] of Object.entries({
      key_file: 'serverkey.pem',
      cert_file: 'servercert.pem',
      ca_file: 'cacert.pem',
    })) {
      config.push(`${key} = "${join(folder, file)}"`)
    }
    await writeFile(join(folder, 'libvirtd.conf'), config.join('\n'))
    start(libvirtd!, ['--listen', '--config', join(folder, 'libvirtd.conf'), '--timeout', '60'])
    await reachable(port)
  })

  it('speaks with certificates on both sides', async () => {
    await using libvirt = await openLibvirt(`test+tls://localhost:${port}/default?pkipath=${folder}`)
    expect((await libvirt.call(calls.domainLookupByName, { name: 'test' })).domain.id).toBe(1)
    await libvirt.call(calls.domainGetState, await libvirt.call(calls.domainLookupByName, { name: 'test' }), {
      lane: 'slow',
    })
  })

  it('refuses a server whose name is not in its certificate', async () => {
    await expect(openLibvirt(`test+tls://127.0.0.2:${port}/default?pkipath=${folder}`)).rejects.toMatchObject(
      {
        kind: 'connection',
      },
    )
    await expect(
      openLibvirt(`test+tls://ip6-localhost:${port}/default?pkipath=${folder}`),
    ).rejects.toMatchObject({
      kind: 'connection',
    })
  })

  it('tells when the daemon does not accept our certificate', async () => {
    const stranger = join(folder, 'stranger')
    await run('mkdir', [stranger])
    await selfSigned(stranger, 'client')
    await run('cp', [join(folder, 'cacert.pem'), stranger])
    await expect(
      openLibvirt(`test+tls://localhost:${port}/default?pkipath=${stranger}`),
    ).rejects.toMatchObject({
      kind: 'connection',
      message: expect.stringContaining(`No TLS connection to localhost:${port}`),
    })
  })

  it('tells which file is missing', async () => {
    await expect(
      openLibvirt(`test+tls://localhost:${port}/default?pkipath=${folder}/none`),
    ).rejects.toMatchObject({
      message: expect.stringContaining('/none/cacert.pem'),
    })
  })
})

const login = { account, libvirtd, sshd, ssh: program('ssh'), keygen: program('ssh-keygen') }
const forSsh = absentOf(login)
describe.skipIf(forSsh.length > 0)(titled('SSH', forSsh), () => {
  let uri: (query?: string) => string
  beforeAll(async () => {
    const port = await freePort()
    const keygen = ['-q', '-t', 'ed25519', '-N', '', '-f']
    for (const name of ['host', 'user']) await run('ssh-keygen', [...keygen, join(folder, name)])
    const there = Object.entries(environment()).filter(([name]) =>
      /^(?:PATH|LD_LIBRARY_PATH|XDG_.*)$/.test(name),
    )
    const config = [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${join(folder, 'host')}`,
      `AuthorizedKeysFile ${join(folder, 'user.pub')}`,
      `PidFile ${join(folder, 'sshd.pid')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      `SetEnv ${there.map(([name, value]) => `${name}=${value}`).join(' ')}`,
    ]
    await writeFile(join(folder, 'sshd_config'), config.join('\n'))
    for (const name of ['host', 'user.pub']) await chown(join(folder, name), account!.uid, account!.gid)
    start(sshd!, ['-D', '-e', '-f', join(folder, 'sshd_config')])
    await reachable(port)
    const hostKey = (await readFile(join(folder, 'host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ')
    await writeFile(join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`)
    uri = (query = '') =>
      `qemu+ssh://${account!.name}@127.0.0.1:${port}/session?keyfile=${folder}/user&known_hosts=${folder}/known_hosts${query}`
    start(libvirtd!, ['--timeout', '60'])
    await vi.waitUntil(() => existsSync(join(folder, 'libvirt/libvirt-sock')), { timeout: 30_000 })
  })

  it('runs the user’s ssh, and libvirt’s helper there', async () => {
    await using libvirt = await openLibvirt(uri())
    expect((await libvirt.call(calls.connectGetUri, {})).uri).toBe('qemu:///session')
    await libvirt.call(calls.connectGetHostname, {}, { lane: 'slow' })
  })

  it('runs nc there', async ({ skip }) => {
    skip(program('nc') === undefined, 'nc is missing')
    await using libvirt = await openLibvirt(uri(`&socket=${folder}/libvirt/libvirt-sock`))
    expect((await libvirt.call(calls.connectGetUri, {})).uri).toBe('qemu:///session')
  })

  it('accepts no unknown host key, and tells what ssh said', async () => {
    await writeFile(join(folder, 'nobody'), '')
    const unknown = uri().replace(/known_hosts=.*/, `known_hosts=${folder}/nobody`)
    await expect(openLibvirt(unknown)).rejects.toMatchObject({
      kind: 'connection',
      message: expect.stringContaining('Host key verification failed'),
    })
  })

  it('tells what the host said when there is no daemon', async () => {
    await expect(openLibvirt(uri(`&socket=${folder}/absent`))).rejects.toMatchObject({
      kind: 'connection',
      message: expect.stringContaining(`no libvirt socket at ${folder}/absent`),
    })
  })
})

/** A daemon or a login that is not root’s: ourselves, or as root the first ordinary account of this machine. */
function ordinaryAccount():
  { readonly name: string; readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return { name: userInfo().username, uid: userInfo().uid, gid: userInfo().gid }
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name = '', , uid = '', gid = '', , , shell = ''] = line.split(':')
    if (Number(uid) >= 1000 && Number(uid) < 65_000 && shell.endsWith('sh'))
      return { name, uid: Number(uid), gid: Number(gid) }
  }
  return undefined
}

function program(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** Says on standard error why a group is skipped. */
/** A title that says what this machine lacks for the tests below it; they are skipped then. */
function titled(name: string, absent: readonly string[]): string {
  return absent.length === 0 ? name : `${name} (not on this machine: ${absent.join(', ')})`
}

function absentOf(needed: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(needed).filter((name) => needed[name] === undefined)
}

function environment(): Record<string, string> {
  return {
    ...(process.env as Record<string, string>),
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    XDG_CONFIG_HOME: folder,
    XDG_CACHE_HOME: folder,
  }
}

function asAccount(command: string, args: readonly string[]) {
  return run(command, [...args], { uid: account!.uid, gid: account!.gid, env: environment(), cwd: '/' })
}

function start(command: string, args: readonly string[]): void {
  const options = {
    uid: account!.uid,
    gid: account!.gid,
    env: environment(),
    cwd: '/',
    stdio: 'ignore',
  } as const
  children.push(spawn(command, [...args], options))
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function reachable(port: number): Promise<void> {
  const tryOnce = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' }, () => (socket.destroy(), resolve()))
      socket.once('error', reject)
    })
  await vi.waitFor(tryOnce, { timeout: 30_000, interval: 50 })
}

async function certificates(): Promise<void> {
  await selfSigned(folder, 'ca')
  for (const [name, extension] of [
    ['server', 'subjectAltName=DNS:localhost'],
    ['client', 'extendedKeyUsage=clientAuth'],
  ] as const) {
    const key = join(folder, `${name}key.pem`)
    const request = join(folder, `${name}.csr`)
    const asked = ['-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`, '-keyout', key, '-out', request]
    await run('openssl', ['req', ...asked])
    await writeFile(join(folder, `${name}.ext`), extension)
    const signer = ['-CA', join(folder, 'cacert.pem'), '-CAkey', join(folder, 'cakey.pem'), '-CAcreateserial']
    const files = [
      '-in',
      request,
      '-extfile',
      join(folder, `${name}.ext`),
      '-out',
      join(folder, `${name}cert.pem`),
    ]
    await run('openssl', ['x509', '-req', '-days', '2', ...signer, ...files])
    await chown(key, account!.uid, account!.gid)
  }
}

function selfSigned(place: string, name: string) {
  const files = ['-keyout', join(place, `${name}key.pem`), '-out', join(place, `${name}cert.pem`)]
  return run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    ...files,
  ])
}
