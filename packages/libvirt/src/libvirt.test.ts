import { afterEach, describe, expect, it, test, vi } from 'vitest'
import { calls, errorCode, events, isLibvirtError, LibvirtError, openLibvirt } from './index.ts'
import { registrations } from './events.ts'
import { captured } from './fixtures/captured.ts'
import { FakeDaemon } from './testing/index.ts'

const failureOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error)
const domain = { name: 'vm', uuid: '0b1f1a52-9a4e-4d43-8a4f-1d2f5c1c9a10', id: 3 }
const never = () => new Promise<never>(() => undefined)
const open = (daemon: FakeDaemon, options = {}) =>
  openLibvirt('qemu:///system', { dial: daemon.dial, ...options })

afterEach(() => {
  vi.useRealTimers()
})

describe('a call', () => {
  it('carries its arguments and brings back its result', async () => {
    await using daemon = new FakeDaemon().handle(calls.domainLookupByName, ({ name }) => ({
      domain: { ...domain, name },
    }))
    const libvirt = await open(daemon)
    expect(await libvirt.call(calls.domainLookupByName, { name: 'web' })).toEqual({
      domain: { ...domain, name: 'web' },
    })
    expect(daemon.requests.map(({ name }) => name)).toEqual(['authList', 'connectOpen', 'domainLookupByName'])
    expect(daemon.requests[1]?.args).toEqual({ name: 'qemu:///system', flags: 0 })
  })

  it('fails with libvirt’s code and domain, and with the stack of the caller', async () => {
    await using daemon = new FakeDaemon().handle(calls.domainLookupByName, () => {
      throw new LibvirtError({
        kind: 'libvirt',
        code: errorCode.noDomain,
        domain: 10,
        message: 'Domain not found',
      })
    })
    const libvirt = await open(daemon)
    async function theCaller() {
      await libvirt.call(calls.domainLookupByName, { name: 'absent' })
    }
    const error = await theCaller().catch((error: unknown) => error)
    expect(isLibvirtError(error, errorCode.noDomain)).toBe(true)
    expect(isLibvirtError(error, errorCode.noNetwork)).toBe(false)
    expect(error).toMatchObject({
      kind: 'libvirt',
      code: 42,
      domain: 10,
      level: 2,
      procedure: 'domainLookupByName',
    })
    expect((error as Error).stack).toContain('theCaller')
  })

  it('that the daemon does not know fails without harming the connection', async () => {
    await using daemon = new FakeDaemon()
    const libvirt = await open(daemon)
    await expect(libvirt.call(calls.domainGetState, { domain })).rejects.toMatchObject({
      kind: 'libvirt',
      code: 39,
    })
    await expect(libvirt.call(calls.connectSupportsFeature, { feature: 1 })).resolves.toEqual({
      supported: true,
    })
  })

  it('with arguments that cannot be sent fails here, naming the field', async () => {
    await using daemon = new FakeDaemon()
    const libvirt = await open(daemon)
    const wrong = { domain: { ...domain, uuid: 'not-a-uuid' } }
    await expect(libvirt.call(calls.domainCreate, wrong)).rejects.toMatchObject({
      kind: 'protocol',
      message: 'The arguments of domainCreate cannot be sent: uuid: not a UUID: "not-a-uuid"',
    })
    expect(daemon.requests).toHaveLength(2)
  })

  it('goes out while at most five are unanswered; the rest waits its turn', async () => {
    const answers: (() => void)[] = []
    await using daemon = new FakeDaemon().handle(
      calls.domainLookupById,
      ({ id }) => new Promise((resolve) => answers.push(() => resolve({ domain: { ...domain, id } }))),
    )
    const libvirt = await open(daemon)
    const results = Promise.all(
      [1, 2, 3, 4, 5, 6, 7].map(async (id) => (await libvirt.call(calls.domainLookupById, { id })).domain.id),
    )
    await vi.waitFor(() => expect(answers).toHaveLength(5))
    answers[4]!()
    await vi.waitFor(() => expect(answers).toHaveLength(6))
    expect(daemon.requests.at(-1)?.args).toEqual({ id: 6 })
    for (const answer of answers) answer()
    await vi.waitFor(() => expect(answers).toHaveLength(7))
    answers[6]!()
    expect(await results).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  it('on the slow lane gets a connection of its own, opened when first needed, and holds up nobody', async () => {
    await using daemon = new FakeDaemon()
      .handle(calls.domainCreate, never)
      .handle(calls.connectGetHostname, () => ({ hostname: 'h' }))
    const libvirt = await open(daemon)
    expect(daemon.connections).toBe(1)
    const slow = Array.from({ length: 6 }, () =>
      libvirt.call(calls.domainCreate, { domain }, { lane: 'slow' }),
    )
    await vi.waitFor(() => expect(daemon.connections).toBe(2))
    expect(await libvirt.call(calls.connectGetHostname, {})).toEqual({ hostname: 'h' })
    await libvirt.close()
    for (const call of slow)
      await expect(call).rejects.toMatchObject({ kind: 'cancelled', procedure: 'domainCreate' })
  })
})

describe('a deadline', () => {
  it('ends a call that is not answered, and a late answer is dropped', async () => {
    let answer: () => void = () => undefined
    await using daemon = new FakeDaemon()
      .handle(
        calls.domainGetState,
        () => new Promise((resolve) => (answer = () => resolve({ state: 1, reason: 1 }))),
      )
      .handle(calls.connectGetHostname, () => ({ hostname: 'h' }))
    const libvirt = await open(daemon)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const call = libvirt.call(calls.domainGetState, { domain }, { timeoutMs: 700 })
    const outcome = failureOf(call)
    await vi.advanceTimersByTimeAsync(699)
    await vi.advanceTimersByTimeAsync(1)
    expect(await outcome).toMatchObject({
      kind: 'timeout',
      procedure: 'domainGetState',
      message: 'qemu:///system did not answer domainGetState within 700 ms',
    })
    vi.useRealTimers()
    answer()
    expect(await libvirt.call(calls.connectGetHostname, {})).toEqual({ hostname: 'h' })
  })

  it('counts while a call waits for its turn, and then the call is never sent', async () => {
    await using daemon = new FakeDaemon().handle(calls.domainGetState, never)
    const libvirt = await open(daemon)
    const held = Array.from({ length: 5 }, () => libvirt.call(calls.domainGetState, { domain }))
    for (const call of held) call.catch(() => undefined)
    const abort = new AbortController()
    const queued = libvirt.call(calls.domainLookupByName, { name: 'x' }, { signal: abort.signal })
    abort.abort()
    await expect(queued).rejects.toMatchObject({ kind: 'cancelled', procedure: 'domainLookupByName' })
    expect(daemon.requests.map(({ name }) => name)).not.toContain('domainLookupByName')
  })

  it('that leaves a connection full of unanswered calls makes room with another connection', async () => {
    await using daemon = new FakeDaemon()
      .handle(calls.domainGetState, never)
      .handle(calls.connectGetHostname, () => ({ hostname: 'h' }))
    const libvirt = await open(daemon)
    const abort = new AbortController()
    const held = Array.from({ length: 5 }, () =>
      libvirt.call(calls.domainGetState, { domain }, { signal: abort.signal }),
    )
    await vi.waitFor(() => expect(daemon.requests).toHaveLength(7))
    abort.abort()
    for (const call of held) await expect(call).rejects.toMatchObject({ kind: 'cancelled' })
    expect(await libvirt.call(calls.connectGetHostname, {})).toEqual({ hostname: 'h' })
    expect(daemon.connections).toBe(2)
  })

  it('that has passed frees its place when the late answer comes', async () => {
    const answers: (() => void)[] = []
    await using daemon = new FakeDaemon()
      .handle(
        calls.domainGetState,
        () => new Promise((resolve) => answers.push(() => resolve({ state: 1, reason: 1 }))),
      )
      .handle(calls.connectGetHostname, () => ({ hostname: 'h' }))
    const libvirt = await open(daemon)
    const abort = new AbortController()
    const held = Array.from({ length: 4 }, () =>
      failureOf(libvirt.call(calls.domainGetState, { domain }, { signal: abort.signal })),
    )
    await vi.waitFor(() => expect(answers).toHaveLength(4))
    for (let round = 0; round < 3; round++) {
      abort.abort()
      await Promise.all(held)
      for (const answer of answers.splice(0)) answer()
      await libvirt.call(calls.connectGetHostname, {})
      const again = new AbortController()
      const next = failureOf(libvirt.call(calls.domainGetState, { domain }, { signal: again.signal }))
      await vi.waitFor(() => expect(answers).toHaveLength(1))
      again.abort()
      await next
    }
    expect(daemon.connections).toBe(1)
  })

  it('counts while the connection of its lane is being opened, and closing does not wait for that', async () => {
    await using daemon = new FakeDaemon()
    const libvirt = await open(daemon)
    daemon.handle(calls.authList, never)
    const abort = new AbortController()
    const call = failureOf(
      libvirt.call(calls.domainCreate, { domain }, { lane: 'slow', signal: abort.signal }),
    )
    const other = failureOf(libvirt.call(calls.domainReset, { domain }, { lane: 'slow' }))
    abort.abort()
    expect(await call).toMatchObject({ kind: 'cancelled', procedure: 'domainCreate' })
    await libvirt.close()
    expect(await other).toMatchObject({ kind: 'cancelled', procedure: 'domainReset' })
  })

  it('of one hung host leaves the calls of other hosts alone', async () => {
    await using hung = new FakeDaemon().handle(calls.connectGetHostname, never)
    await using well = new FakeDaemon().handle(calls.connectGetHostname, () => ({ hostname: 'well' }))
    const [a, b] = await Promise.all([open(hung), open(well)])
    const waiting = Array.from({ length: 20 }, () => a.call(calls.connectGetHostname, {}))
    for (const call of waiting) call.catch(() => undefined)
    for (let round = 0; round < 100; round++) {
      expect(await b.call(calls.connectGetHostname, {})).toEqual({ hostname: 'well' })
    }
    await a.close()
  })

  it('holds for opening too: a daemon that accepts and says nothing', async () => {
    await using daemon = new FakeDaemon().handle(calls.authList, never)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const outcome = failureOf(open(daemon, { timeoutMs: 2_000 }))
    await vi.advanceTimersByTimeAsync(2_000)
    expect(await outcome).toMatchObject({ kind: 'timeout' })
  })

  it('may be none at all', async () => {
    await using daemon = new FakeDaemon()
    const libvirt = await open(daemon, { timeoutMs: Number.POSITIVE_INFINITY })
    for (const timeoutMs of [Number.POSITIVE_INFINITY, 1e12]) {
      await expect(
        libvirt.call(calls.connectSupportsFeature, { feature: 1 }, { timeoutMs }),
      ).resolves.toEqual({ supported: true })
    }
  })

  it('that has passed before the call keeps it from being sent', async () => {
    await using daemon = new FakeDaemon()
    const libvirt = await open(daemon)
    const call = libvirt.call(calls.domainCreate, { domain }, { signal: AbortSignal.abort() })
    await expect(call).rejects.toMatchObject({ kind: 'cancelled' })
    expect(daemon.requests).toHaveLength(2)
  })
})

describe('opening', () => {
  it('authenticates with polkit when the daemon asks for it', async () => {
    await using daemon = new FakeDaemon()
      .handle(calls.authList, () => ({ types: [2] }))
      .handle(calls.authPolkit, () => ({ complete: true }))
    await open(daemon, { readonly: true })
    expect(daemon.requests.map(({ name }) => name)).toEqual(['authList', 'authPolkit', 'connectOpen'])
    expect(daemon.requests[2]?.args).toEqual({ name: 'qemu:///system', flags: 1 })
  })

  it('fails where only SASL is offered, and says so', async () => {
    await using daemon = new FakeDaemon().handle(calls.authList, () => ({ types: [1] }))
    const error = await failureOf(open(daemon))
    expect(error).toMatchObject({ kind: 'connection', code: errorCode.authUnavailable })
    expect((error as Error).message).toContain('SASL')
    await vi.waitFor(() => expect(daemon.connections).toBe(0))
  })

  it('fails with the daemon’s reason when it has no such hypervisor', async () => {
    await using daemon = new FakeDaemon().handle(calls.connectOpen, () => {
      throw new LibvirtError({
        kind: 'libvirt',
        code: errorCode.noConnect,
        message: 'no connection driver available',
      })
    })
    async function theCaller() {
      await open(daemon)
    }
    const error = await failureOf(theCaller())
    expect(error).toMatchObject({ kind: 'libvirt', code: 5, procedure: 'connectOpen' })
    expect((error as Error).stack).toContain('theCaller')
  })
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

describe('events', () => {
  it('reach their subscriber, in order, also one that follows the confirmation at once', async () => {
    await using daemon = new FakeDaemon()
    const libvirt = await open(daemon)
    const seen: number[] = []
    const subscribed = libvirt.subscribe(events.domainLifecycle, ({ event }) => seen.push(event))
    await vi.waitFor(() => expect(daemon.subscriptions).toBe(1))
    for (const event of [0, 2, 5]) daemon.emit(events.domainLifecycle, { domain, event, detail: 0 })
    const stop = await subscribed
    await vi.waitFor(() => expect(seen).toEqual([0, 2, 5]))
    await stop()
    await stop()
    expect(daemon.subscriptions).toBe(0)
  })

  it('of several listeners share one registration, because libvirt refuses a second', async () => {
    await using daemon = new FakeDaemon()
    const libvirt = await open(daemon)
    const seen: string[] = []
    const stops = await Promise.all(
      ['a', 'b', 'c'].map((name) => libvirt.subscribe(events.domainLifecycle, () => seen.push(name))),
    )
    expect(daemon.subscriptions).toBe(1)
    daemon.emit(events.domainLifecycle, { domain, event: 2, detail: 0 })
    await vi.waitFor(() => expect(seen).toEqual(['a', 'b', 'c']))
    await stops[0]?.()
    expect(daemon.subscriptions).toBe(1)
    // The last one leaves while the next comes.
    const [again] = await Promise.all([
      libvirt.subscribe(events.domainLifecycle, () => seen.push('d')),
      stops[1]?.(),
      stops[2]?.(),
    ])
    expect(daemon.subscriptions).toBe(1)
    await again()
    expect(daemon.subscriptions).toBe(0)
  })

  it('that arrive in the same chunk as the confirmation are not lost', async () => {
    // The recorded registration was the fifth call; its confirmation and the first event leave here as one chunk.
    const bytesOf = (wanted: string) =>
      captured.find(({ direction, name }) => direction === 'received' && name === wanted)!.bytes
    const chunk = Buffer.concat([bytesOf('domainEventRegister'), bytesOf('domainLifecycle')])
    await using daemon = new FakeDaemon().handle(registrations.domain.register, (_, peer) => {
      peer.sendRaw(chunk)
      return never()
    })
    const libvirt = await open(daemon)
    for (const feature of [1, 2]) await libvirt.call(calls.connectSupportsFeature, { feature })
    const seen: string[] = []
    await libvirt.subscribe(events.domainLifecycle, (event) => seen.push(event.domain.name))
    expect(seen).toEqual(['capture'])
  })

  it('of one domain only, and of several kinds at once', async () => {
    await using daemon = new FakeDaemon()
    const libvirt = await open(daemon)
    const seen: string[] = []
    await libvirt.subscribe(events.domainReboot, (event) => seen.push(`reboot ${event.domain.name}`), {
      domain,
    })
    await libvirt.subscribe(events.domainAgentLifecycle, (event) => seen.push(`agent ${event.state}`))
    const other = { ...domain, name: 'other', uuid: '11111111-1111-1111-1111-111111111111' }
    daemon.emit(events.domainReboot, { domain: other })
    daemon.emit(events.domainAgentLifecycle, { domain: other, state: 1, reason: 0 })
    daemon.emit(events.domainReboot, { domain })
    await vi.waitFor(() => expect(seen).toEqual(['agent 1', 'reboot vm']))
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
