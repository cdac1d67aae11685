import { afterEach, describe, expect, it, vi } from 'vitest'
import { calls, errorCode, isLibvirtError, LibvirtError } from './index.ts'
import { FakeDaemon } from './testing/index.ts'
import { domain, failureOf, never, open } from './testing/open-fake.ts'

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
