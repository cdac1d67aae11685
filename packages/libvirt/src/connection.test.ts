import { afterEach, describe, expect, it, test, vi } from 'vitest'
import { calls, LibvirtError } from './index.ts'
import { FakeDaemon } from './testing/index.ts'
import { domain, failureOf, never, open } from './testing/open-fake.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe('a connection that breaks', () => {
  it('rejects every waiter, sent or queued, and tells who listens', async () => {
    await using daemon = new FakeDaemon().handle(calls.domainGetState, never)
    const libvirt = await open(daemon)
    const waiting = Array.from({ length: 8 }, () => libvirt.call(calls.domainGetState, { domain }))
    const outcomes = Promise.all(
      waiting.map((call) =>
        expect(call).rejects.toMatchObject({ kind: 'connection', procedure: 'domainGetState' }),
      ),
    )
    await vi.waitFor(() => expect(daemon.requests).toHaveLength(7))
    daemon.cutAll()
    await outcomes
    expect(await libvirt.closed).toMatchObject({ kind: 'connection' })
    for (const lane of ['control', 'slow'] as const) {
      const later = libvirt.call(calls.domainGetState, { domain }, { lane })
      expect(await failureOf(later)).toMatchObject({ kind: 'connection', procedure: 'domainGetState' })
    }
  })

  const reply = '20008086000000010000000000000001'
  test.each<readonly [string, string]>([
    ['a length below the header', '00000003'.padEnd(56, '0')],
    ['a length above the limit', '7fffffff'.padEnd(56, '0')],
    ['a reply to a call that was not made', `0000001c${reply}000000ff00000000`],
    ['a packet of unknown type', `0000001c20008086000000010000000000000009${'00000003'}00000000`],
    ['a reply that ends too early', `0000001c${reply}0000000300000000`],
    ['a reply with more than its result', `00000030${reply}0000000300000000${'00'.repeat(20)}`],
    ['a text of a length that is not there', `00000020${reply}0000000300000000000fffff`],
    ['an error that cannot be read', `00000020${reply}000000030000000100000000`],
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n').toString('hex')],
  ])('because of %s rejects with kind protocol', async (_, hex) => {
    await using daemon = new FakeDaemon().handle(calls.connectGetHostname, (_, peer) => {
      peer.sendRaw(Buffer.from(hex, 'hex'))
      return never()
    })
    const libvirt = await open(daemon)
    await expect(libvirt.call(calls.connectGetHostname, {})).rejects.toMatchObject({ kind: 'protocol' })
    expect(await libvirt.closed).toMatchObject({ kind: 'protocol' })
    await expect(libvirt.call(calls.connectGetHostname, {})).rejects.toBeInstanceOf(LibvirtError)
  })

  it('in the middle of a packet says so', async () => {
    await using daemon = new FakeDaemon().handle(calls.connectGetHostname, (_, peer) => {
      peer.sendRaw(Buffer.from('0000001c2000', 'hex'))
      setImmediate(() => peer.cut())
      return never()
    })
    const libvirt = await open(daemon)
    await expect(libvirt.call(calls.connectGetHostname, {})).rejects.toMatchObject({ kind: 'connection' })
  })

  it('may be closed at any time, twice, and while a connection is being opened', async () => {
    await using daemon = new FakeDaemon().handle(calls.domainCreate, never)
    const libvirt = await open(daemon)
    const call = libvirt.call(calls.domainCreate, { domain }, { lane: 'slow' })
    const outcome = failureOf(call)
    await Promise.all([libvirt.close(), libvirt.close()])
    expect(await outcome).toBeInstanceOf(LibvirtError)
    expect(await libvirt.closed).toBeUndefined()
    await vi.waitFor(() => expect(daemon.connections).toBe(0))
  })
})

describe('keepalive', () => {
  const keepalive = { intervalMs: 1_000, count: 2 }

  it('pings a silent daemon, and answers its pings', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    await using daemon = new FakeDaemon()
    const libvirt = await open(daemon, { keepalive })
    await vi.advanceTimersByTimeAsync(2_000)
    await vi.waitFor(() => expect(daemon.pings).toBe(1))
    daemon.pingAll()
    await vi.waitFor(() => expect(daemon.pongs).toBe(1))
    await libvirt.close()
  })

  it('ends the connection to a daemon that has stopped', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    await using daemon = new FakeDaemon().handle(calls.domainGetState, never)
    daemon.answersPings = false
    const libvirt = await open(daemon, { keepalive })
    const call = libvirt.call(calls.domainGetState, { domain })
    const outcome = failureOf(call)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await outcome).toMatchObject({
      kind: 'connection',
      message: 'qemu:///system has not shown a sign of life for 3 s',
    })
    expect(await libvirt.closed).toMatchObject({ kind: 'connection' })
  })
})
