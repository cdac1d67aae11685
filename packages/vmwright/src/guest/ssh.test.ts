import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { generateHostKeys, generateUserKey } from '../cloudinit/host-keys.ts'
import { Progress } from '../lib/progress.ts'
import { realSeam } from '../lib/seam.ts'
import { realNetwork } from './network.ts'
import { type SshSession, type SshTarget, connectSsh } from './ssh.ts'
import { type TestSshServer, testSshServer } from './testing/ssh-server.ts'

const hostKeys = generateHostKeys()
const userKey = generateUserKey('me')
const progress = new Progress(realSeam())

const startServer = (publicKey = userKey.publicKey): Promise<TestSshServer> =>
  testSshServer({ hostKeys: hostKeys.map((key) => key.privateKey), publicKey })

const target = (server: { readonly port: number }, changes: Partial<SshTarget> = {}): SshTarget => ({
  address: '127.0.0.1',
  port: server.port,
  user: 'debian',
  hostKeys: hostKeys.map((key) => key.publicKey),
  privateKey: userKey.privateKey,
  ...changes,
})

async function openSession(server: TestSshServer): Promise<SshSession> {
  const outcome = await connectSsh(progress, target(server))
  if (outcome.kind !== 'session') throw new Error('no session')
  return outcome.session
}

describe('host keys', () => {
  it('X6: a foreign host key ends the connection before any credential is sent', async () => {
    await using server = await startServer()
    const others = generateHostKeys().map((key) => key.publicKey)
    await expect(connectSsh(progress, target(server, { hostKeys: others }))).rejects.toMatchObject({
      code: 'guest.host-key-mismatch',
    })
    expect(server.logins).toEqual([])
  })

  it.each([0, 1])('X6: any one of the known keys is enough (key %i)', async (index) => {
    await using server = await startServer()
    const known = [hostKeys[index]?.publicKey ?? '']
    const outcome = await connectSsh(progress, target(server, { hostKeys: known, privateKey: undefined }))
    expect(outcome.kind).toBe('verified')
  })

  it('without a key of ours it proves who answers and sends no login', async () => {
    await using server = await startServer()
    const outcome = await connectSsh(progress, target(server, { privateKey: undefined }))
    expect(outcome.kind).toBe('verified')
    expect(server.logins).toEqual([])
  })
})

describe('login', () => {
  it('offers the key and nothing else', async () => {
    await using server = await startServer()
    using session = await openSession(server)
    expect(session.alive).toBe(true)
    expect(new Set(server.logins)).toEqual(new Set(['publickey debian']))
  })

  it('a refused key is guest.ssh-refused', async () => {
    await using server = await startServer(generateUserKey('other').publicKey)
    await expect(connectSsh(progress, target(server))).rejects.toMatchObject({ code: 'guest.ssh-refused' })
  })

  it('no listener is guest.port-closed', async () => {
    const server = await startServer()
    await server[Symbol.asyncDispose]()
    await expect(connectSsh(progress, target(server))).rejects.toMatchObject({ code: 'guest.port-closed' })
  })

  it('something that is not SSH is guest.port-closed', async () => {
    const server = createServer((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
      0,
      '127.0.0.1',
    )
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await expect(connectSsh(progress, target({ port }))).rejects.toMatchObject({ code: 'guest.port-closed' })
    server.close()
  })

  it('cancellation rejects with its reason while the other side is silent', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const cancel = new AbortController()
    server.once('connection', (socket) => {
      cancel.abort(new Error('enough'))
      socket.once('error', () => {})
    })
    await expect(connectSsh(progress.child({ signal: cancel.signal }), target({ port }))).rejects.toThrow(
      'enough',
    )
    server.close()
  })
})

describe('commands', () => {
  it.each([
    ['echo hello', { exitCode: 0, stdout: 'hello', stderr: '' }],
    ['fail', { exitCode: 3, stdout: '', stderr: 'no such thing' }],
  ])('runs %s', async (command, want) => {
    await using server = await startServer()
    using session = await openSession(server)
    expect(await session.exec(progress, command)).toEqual(want)
  })

  it('a running command gets input and ends by itself', async () => {
    await using server = await startServer()
    using session = await openSession(server)
    let outputs = 0
    using running = await session.start(progress, 'wait', () => (outputs += 1))
    running.write('\n')
    expect((await running.done).stdout).toBe('woken')
    expect(server.input).toBe('\n')
    expect(outputs).toBe(1)
  })

  it('a broken connection rejects what runs and what comes later', async () => {
    await using server = await startServer()
    using session = await openSession(server)
    using running = await session.start(progress, 'forever')
    server.drop()
    await expect(running.done).rejects.toMatchObject({ code: 'guest.port-closed' })
    await expect(session.exec(progress, 'echo')).rejects.toMatchObject({ code: 'guest.port-closed' })
    expect(session.alive).toBe(false)
  })
})

describe('ports', () => {
  it('C17: tells open from refused', async () => {
    const server = await startServer()
    expect(await realNetwork.tryPort(progress, '127.0.0.1', server.port)).toBe('open')
    await server[Symbol.asyncDispose]()
    expect(await realNetwork.tryPort(progress, '127.0.0.1', server.port)).toBe('refused')
  })
})
