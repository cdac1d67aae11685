import { describe, expect, it, vi } from 'vitest'
import { calls, events } from './index.ts'
import { registrations } from './events.ts'
import { captured } from './fixtures/captured.ts'
import { FakeDaemon } from './testing/index.ts'
import { domain, never, open } from './testing/open-fake.ts'

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
