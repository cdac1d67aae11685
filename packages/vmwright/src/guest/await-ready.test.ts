import { describe, expect, it } from 'vitest'
import { address, climbing, finished, normalBoot, ourSshd, result, run } from './testing/climb-run.ts'
import { sampleInstance, sampleInterface } from './testing/sample-instance.ts'
import { type ScriptEvent, type Sshd } from './testing/scripted-guest.ts'

describe('climbing', () => {
  it('C17: climbs all rungs in order and reports how long each took', async () => {
    const { report, said } = await run(normalBoot)
    expect(report?.rungs.map(({ rung }) => rung)).toEqual(['started', 'address', 'port', 'ssh', 'cloud-init'])
    expect(report?.addresses).toEqual([address])
    expect(report?.cloudInit).toMatchObject({ status: 'done', confirmedBy: 'ssh', errors: [] })
    expect(report?.rungs[1]?.durationMs).toBeGreaterThanOrEqual(2_000)
    expect(said).toContain('address of web-1: no lease yet (network default)')
    expect(said).toContain(`port 22 of web-1: ${address} silent`)
    expect(said).toContain('cloud-init of web-1: reading its result')
  })

  it('climbs only the rungs that are asked for', async () => {
    const { report, atMs, guest } = await run(normalBoot, climbing('started', 'address'))
    expect(report?.rungs.map(({ rung }) => rung)).toEqual(['started', 'address'])
    expect(atMs).toBeLessThan(3_100)
    expect(guest.sshCommands).toEqual([])
  })

  it.each([
    ['SSH', {}, 'ssh'],
    ['SSH without a console', { console: 'none' as const }, 'ssh'],
  ])(
    'X6: reports ready within 0.2 s after cloud-init wrote its result, through %s',
    async (_, changes, by) => {
      const { report, atMs } = await run(normalBoot, changes)
      expect(report?.cloudInit?.confirmedBy).toBe(by)
      expect(atMs - 20_060).toBeLessThanOrEqual(200)
    },
  )

  it('X6: reports ready within 0.05 s through the guest agent once the console shows the end', async () => {
    const { report, atMs } = await run(
      [
        { atMs: 3_000, kind: 'agent', connected: true },
        { atMs: 20_000, kind: 'console', text: finished },
        result(20_060),
      ],
      { ...climbing('started', 'agent', 'cloud-init'), loginKey: undefined },
    )
    expect(report?.cloudInit?.confirmedBy).toBe('agent')
    expect(atMs - 20_060).toBeLessThanOrEqual(50)
  })

  it('wakes at the event when the agent connects', async () => {
    const { atMs } = await run([{ atMs: 7_003, kind: 'agent', connected: true }], climbing('agent'))
    expect(atMs).toBe(7_003)
  })

  it('believes the console alone when nothing else can be asked, and says so', async () => {
    const { report, atMs } = await run([{ atMs: 20_000, kind: 'console', text: finished }], {
      ...climbing('started', 'cloud-init'),
      loginKey: undefined,
    })
    expect(report?.cloudInit).toMatchObject({ status: 'unconfirmed', confirmedBy: 'console' })
    expect(report?.rungs[1]?.remark).toBe('seen on the console only, not confirmed')
    expect(atMs).toBeLessThan(22_000)
  })

  it('believes the console when the agent answers but opens no files', async () => {
    const { report, atMs } = await run(
      [
        { atMs: 1, kind: 'agent', connected: true },
        { atMs: 20_000, kind: 'console', text: finished },
      ],
      climbing('cloud-init'),
    )
    expect(report?.cloudInit?.status).toBe('unconfirmed')
    expect(atMs).toBeLessThan(51_000)
  })

  it('takes the final message that the spec gave cloud-init as its end', async () => {
    const { report } = await run(
      [{ atMs: 20_000, kind: 'console', text: 'ALL IS DONE AT Sat, 21 Nov 2026\r\n' }],
      {
        instance: sampleInstance({
          ready: { rungs: ['cloud-init'] },
          finalMessage: 'ALL IS DONE AT $TIMESTAMP',
        }),
        loginKey: undefined,
      },
    )
    expect(report?.cloudInit?.confirmedBy).toBe('console')
  })

  it('X6: is content with a verified key exchange when there is no key to log in with', async () => {
    const { report } = await run(normalBoot, { ...climbing('address', 'port', 'ssh'), loginKey: undefined })
    expect(report?.rungs.at(-1)?.remark).toBe('host key verified; no key to log in with')
  })

  it('connects again when the guest restarts in the middle of cloud-init', async () => {
    const { report, guest } = await run([
      ...normalBoot.slice(0, 2),
      { atMs: 15_000, kind: 'restart' },
      { atMs: 30_000, kind: 'console', text: finished },
      result(30_050),
    ])
    expect(report?.cloudInit?.confirmedBy).toBe('ssh')
    expect(guest.sshCommands).toHaveLength(2)
  })

  it('keeps what cloud-init recovered from in the report', async () => {
    const status = { v1: { init: { recoverable_errors: { WARNING: ['no swap'], DEPRECATED: ['old key'] } } } }
    const { report } = await run([
      ...normalBoot,
      { atMs: 1, kind: 'file', path: '/run/cloud-init/status.json', content: JSON.stringify(status) },
    ])
    expect(report?.cloudInit?.recoverable).toEqual({ WARNING: ['no swap'], DEPRECATED: ['old key'] })
  })

  it('finds a static address that no source knows by its host key', async () => {
    const instance = sampleInstance({
      ready: { rungs: ['address', 'ssh'] },
      interfaces: [sampleInterface({ dhcp4: false, addresses: ['10.0.0.5/24'] })],
    })
    const { report } = await run([{ atMs: 4_000, kind: 'sshd', address: '10.0.0.5', sshd: ourSshd }], {
      instance,
    })
    expect(report?.addresses).toEqual(['10.0.0.5'])
    expect(report?.rungs[0]?.remark).toBe('seen by its host key only')
  })

  describe('after an earlier guest with the same MAC', () => {
    const oldLease: ScriptEvent = { atMs: 0, kind: 'addresses', addresses: { lease: ['192.168.122.99'] } }

    it('does not take its lease for an address', async () => {
      const { report, said } = await run([
        oldLease,
        { atMs: 9_000, kind: 'addresses', addresses: { lease: ['192.168.122.99', address] } },
        ...normalBoot.slice(1),
      ])
      expect(report?.rungs[1]?.durationMs).toBeGreaterThanOrEqual(9_000)
      expect(report?.addresses).toEqual([address])
      expect(said).toContain('address of web-1: only old leases yet (192.168.122.99)')
    })

    it('waits on while another machine answers at its address', async () => {
      const others: Sshd = { hostKey: 'ssh-ed25519 AAAAforeign', login: 'accepted' }
      const { report } = await run([
        oldLease,
        { atMs: 0, kind: 'sshd', address: '192.168.122.99', sshd: others },
        { atMs: 50_000, kind: 'addresses', addresses: { lease: ['192.168.122.99', address] } },
        { atMs: 52_000, kind: 'sshd', address, sshd: ourSshd },
        result(52_000),
      ])
      expect(report?.addresses[0]).toBe(address)
    })

    it.each<readonly [string, ScriptEvent, { readonly console?: 'none' }, number]>([
      ['it answers', { atMs: 5_000, kind: 'port', address: '192.168.122.99', answer: 'refused' }, {}, 5_000],
      [
        'the agent tells it',
        { atMs: 5_000, kind: 'addresses', addresses: { agent: ['192.168.122.99'] } },
        {},
        5_000,
      ],
      [
        'cloud-init has the network',
        { atMs: 5_000, kind: 'console', text: "Cloud-init v. 22.4.2 running 'init' at Sat.\n" },
        {},
        5_000,
      ],
      ['half a minute passed without a console', oldLease, { console: 'none' }, 30_000],
    ])('takes its lease for an address once %s', async (_, event, changes, fromMs) => {
      const { report, atMs } = await run([oldLease, event], { ...climbing('address'), ...changes })
      expect(report?.addresses).toEqual(['192.168.122.99'])
      expect(atMs).toBeGreaterThanOrEqual(fromMs)
      expect(atMs).toBeLessThanOrEqual(fromMs + 1_100)
    })
  })

  it('closes the console and the session when it is done', async () => {
    const { guest } = await run(normalBoot)
    expect(guest.openConsoles).toBe(0)
  })
})
