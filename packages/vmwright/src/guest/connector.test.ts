import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, it } from 'vitest'
import { generateHostKeys, generateUserKey } from '../cloudinit/host-keys.ts'
import type { GuestAccess } from '../hypervisor/guest-access.ts'
import { Progress } from '../lib/progress.ts'
import { realSeam } from '../lib/seam.ts'
import { Secret } from '../lib/secret.ts'
import { defaultLifecycle } from '../spec/resolved-lifecycle.ts'
import { type ConnectorContext, connectorOf } from './connector.ts'
import type { SshConnection } from './connector-ssh.ts'
import { testSshServer } from './testing/ssh-server.ts'

const progress = new Progress(realSeam())
const hostKeys = generateHostKeys()
const userKey = generateUserKey('me')
const base = defaultLifecycle('/r').connection as SshConnection

function contextOf(
  port: number,
  changes: Partial<SshConnection> = {},
  addresses: readonly string[] = ['192.0.2.7'],
): ConnectorContext {
  const access: Pick<GuestAccess, 'addresses'> = {
    addresses: async () => ({ lease: addresses, arp: [], agent: [] }),
  }
  return {
    name: 'web-1',
    connection: { ...base, port, timeoutMs: 300, ...changes },
    access: access as GuestAccess,
    login: {
      user: 'debian',
      hostKeys: hostKeys.map((key) => key.publicKey),
      privateKey: userKey.privateKey,
      identityFile: undefined,
    },
    knownAddresses: [],
    jumps: [],
    readSecret: async () => new Secret('x'),
  }
}

it('G5: a connector for WinRM says at every turn that there is none', async () => {
  const connection = {
    kind: 'winrm',
    user: 'a',
    password: { kind: 'env', name: 'P' },
    port: 5985,
    tls: false,
    timeoutMs: 1,
    wait: 'port',
  } as const
  const connector = connectorOf({ ...contextOf(1), connection })
  const want = {
    code: 'guest.connection-unsupported',
    message: expect.stringContaining('WinRM client') as string,
  }
  await expect(connector.open(progress)).rejects.toMatchObject(want)
  await expect(connector.awaitReachable(progress)).rejects.toMatchObject(want)
  await expect(connector.ansible(progress, '/f')).rejects.toMatchObject(want)
})

it('G5: a guest without an address is guest.no-address, when waiting is over', async () => {
  const connector = connectorOf(contextOf(1, { timeoutMs: 30 }, []))
  await expect(connector.open(progress)).rejects.toMatchObject({ code: 'guest.no-address' })
  await expect(connector.awaitReachable(progress)).rejects.toMatchObject({ code: 'guest.no-address' })
})

it('G5: a secret that is not there ends the waiting at once', async () => {
  const context = contextOf(1, { timeoutMs: 60_000, password: { kind: 'env', name: 'P' } })
  const readSecret = (): Promise<Secret> => Promise.reject(new Error('not set'))
  await expect(connectorOf({ ...context, readSecret }).awaitReachable(progress)).rejects.toThrow('not set')
})

it('G5: a key file that is missing or encrypted is told with the remedy', async () => {
  const missing = connectorOf(contextOf(1, { identityFile: '/nope/key' }))
  await expect(missing.open(progress)).rejects.toMatchObject({
    code: 'guest.key-unreadable',
    message: expect.stringContaining('/nope/key') as string,
  })
})

it('G5: names itself', () => {
  const context = contextOf(22, { user: 'root' })
  const jump = { address: '10.0.0.1', port: 22, user: 'me', hostKeys: [] }
  expect(connectorOf({ ...context, jumps: [jump] }).description).toBe('web-1 by SSH as root through 10.0.0.1')
})

/** Addresses on loopback are of no use elsewhere and are left out; a jump host leads to any. */
it('G5: waits for a port by what it says, through a jump host', async () => {
  let banner = 'SSH-2.0-test\r\n'
  const guest = createServer((socket) => void socket.on('error', () => {}).write(banner)).listen(
    0,
    '127.0.0.1',
  )
  await once(guest, 'listening')
  const { port } = guest.address() as AddressInfo
  await using jump = await testSshServer({
    hostKeys: hostKeys.map((key) => key.privateKey),
    publicKey: userKey.publicKey,
    forwardTo: port,
  })
  const hop = {
    address: '127.0.0.1',
    port: jump.port,
    user: 'me',
    hostKeys: hostKeys.map((key) => key.publicKey),
    privateKey: userKey.privateKey,
  }
  const connector = connectorOf({ ...contextOf(22, { wait: 'port', timeoutMs: 10_000 }), jumps: [hop] })
  await connector.awaitReachable(progress)
  banner = 'HTTP/1.1 400 Bad Request\r\n\r\n'.repeat(400)
  const impatient = connectorOf({ ...contextOf(22, { wait: 'port', timeoutMs: 2_000 }), jumps: [hop] })
  await expect(impatient.awaitReachable(progress)).rejects.toMatchObject({
    code: 'guest.port-closed',
    message: expect.stringContaining('does not speak SSH') as string,
  })
  guest.close()
})

it('G5: without anything to log in with nothing is tried', async () => {
  const context = contextOf(1)
  const login = { ...context.login, privateKey: undefined }
  await expect(connectorOf({ ...context, login }).open(progress)).rejects.toMatchObject({
    code: 'guest.ssh-refused',
    hint: expect.stringContaining('identityFile') as string,
  })
})

it('G5: is let in where the guest was last, while the hypervisor still asks the guest', async () => {
  await using server = await testSshServer({
    hostKeys: hostKeys.map((key) => key.privateKey),
    publicKey: userKey.publicKey,
  })
  const access: Pick<GuestAccess, 'addresses'> = { addresses: () => new Promise(() => {}) }
  const context = { ...contextOf(server.port, { timeoutMs: 10_000 }), access: access as GuestAccess }
  const connector = connectorOf({ ...context, knownAddresses: ['127.0.0.1'] })
  await using channel = await connector.awaitReachable(progress)
  expect(channel?.alive).toBe(true)
})

it('G5: where the guest was last and nobody is now, the hypervisor is believed', async () => {
  const old = createServer().listen(0, '127.0.0.1')
  await once(old, 'listening')
  const { port } = old.address() as AddressInfo
  old.close()
  const connector = connectorOf({ ...contextOf(port, {}, []), knownAddresses: ['127.0.0.1'] })
  await expect(connector.open(progress)).rejects.toMatchObject({
    code: 'guest.port-closed',
    message: expect.stringContaining('refused') as string,
  })
})
