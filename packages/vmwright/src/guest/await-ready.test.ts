import { describe, expect, it } from 'vitest'
import { ProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import { Secret } from '../lib/secret.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { type ReadyReport, awaitReady } from './await-ready.ts'
import type { Wanted } from './climb.ts'
import { sampleInstance, sampleInterface } from './testing/sample-instance.ts'
import { type ScriptEvent, type ScriptedGuest, type Sshd, scriptedGuest } from './testing/scripted-guest.ts'

const address = '192.168.122.17'
const hostKey = 'ssh-ed25519 AAAAours'
const ourSshd: Sshd = { hostKey, login: 'accepted' }
const noErrors = JSON.stringify({ v1: { datasource: 'DataSourceNoCloud [seed=/dev/sr0]', errors: [] } })
const finished =
  'Cloud-init v. 22.4.2 finished at Sat, 21 Nov 2026 07:00:00 +0000. Datasource DataSourceNoCloud [seed=/dev/sr0][dsmode=net].  Up 31.20 seconds\r\n'
const result = (atMs: number, content = noErrors): ScriptEvent => ({
  atMs,
  kind: 'file',
  path: '/run/cloud-init/result.json',
  content,
})

interface Outcome {
  readonly report: ReadyReport | undefined
  readonly error: ProvisionError | undefined
  readonly atMs: number
  readonly said: readonly string[]
  readonly guest: ScriptedGuest
}

async function run(
  events: readonly ScriptEvent[],
  changes: Partial<Wanted> & { readonly deadlineMs?: number; readonly console?: 'none' } = {},
): Promise<Outcome> {
  const seam = createFakeSeam()
  const guest = scriptedGuest(seam, events, changes.console === undefined ? {} : { console: 'none' })
  const said: string[] = []
  const progress = new Progress(seam, {
    deadlineMs: changes.deadlineMs ?? Number.POSITIVE_INFINITY,
    report: ({ what }) => said.push(what),
  })
  const wanted: Wanted = {
    instance: sampleInstance(),
    hostKeys: [hostKey],
    loginKey: new Secret('key'),
    firstBoot: true,
    ...changes,
  }
  try {
    const report = await awaitReady(progress, guest, wanted, guest.network)
    return { report, error: undefined, atMs: seam.monotonicMs(), said, guest }
  } catch (error) {
    if (!(error instanceof ProvisionError)) throw error
    return { report: undefined, error, atMs: seam.monotonicMs(), said, guest }
  }
}

const climbing = (...rungs: InstanceSpec['ready']['rungs']): { readonly instance: InstanceSpec } => ({
  instance: sampleInstance({ ready: { rungs } }),
})

const normalBoot: readonly ScriptEvent[] = [
  { atMs: 2_000, kind: 'addresses', addresses: { lease: [address] } },
  { atMs: 9_000, kind: 'sshd', address, sshd: ourSshd },
  { atMs: 20_000, kind: 'console', text: finished },
  result(20_060),
]

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

describe('failing', () => {
  const staticInstance = sampleInstance({
    ready: { rungs: ['address'] },
    interfaces: [sampleInterface({ dhcp4: false, addresses: ['10.0.0.5/24'] })],
  })
  const cases: readonly (readonly [string, readonly ScriptEvent[], Partial<Wanted>, string, number])[] = [
    [
      'a kernel panic',
      [{ atMs: 700, kind: 'console', text: '[    1.2] Kernel panic - not syncing: VFS\n' }],
      {},
      'guest.kernel-panic',
      1_000,
    ],
    ['a stop', [{ atMs: 700, kind: 'state', state: 'stopped' }], {}, 'guest.stopped', 1_000],
    [
      'no boot device',
      [{ atMs: 700, kind: 'console', text: 'No bootable device.\r\n' }],
      {},
      'guest.no-boot-device',
      1_000,
    ],
    [
      'emergency mode',
      [{ atMs: 700, kind: 'console', text: 'You are in emergency mode. After\r\n' }],
      {},
      'guest.emergency-mode',
      1_000,
    ],
    [
      'a guest that is stopped already',
      [{ atMs: 0, kind: 'state', state: 'stopped' }],
      {},
      'guest.stopped',
      300,
    ],
    ['no lease', [], {}, 'guest.no-address', 60_500],
    [
      'another address',
      [{ atMs: 1, kind: 'addresses', addresses: { arp: ['10.0.0.9'] } }],
      { instance: staticInstance },
      'guest.wrong-address',
      60_500,
    ],
    [
      'a closed port',
      [
        { atMs: 1, kind: 'addresses', addresses: { lease: [address] } },
        { atMs: 1, kind: 'port', address, answer: 'refused' },
      ],
      {},
      'guest.port-closed',
      61_000,
    ],
    [
      'a refused login',
      [
        { atMs: 1, kind: 'addresses', addresses: { lease: [address] } },
        { atMs: 1, kind: 'sshd', address, sshd: { hostKey, login: 'refused' } },
      ],
      {},
      'guest.ssh-refused',
      61_000,
    ],
    [
      'a foreign host key on a later boot',
      [
        { atMs: 1, kind: 'addresses', addresses: { lease: [address] } },
        { atMs: 1, kind: 'sshd', address, sshd: { hostKey: 'ssh-ed25519 AAAAforeign', login: 'accepted' } },
      ],
      { firstBoot: false },
      'guest.host-key-mismatch',
      1_000,
    ],
    [
      'a foreign host key beside an address that nobody answers at',
      [
        { atMs: 1, kind: 'addresses', addresses: { lease: ['192.168.122.99', address] } },
        { atMs: 1, kind: 'sshd', address, sshd: { hostKey: 'ssh-ed25519 AAAAforeign', login: 'accepted' } },
      ],
      { firstBoot: false },
      'guest.host-key-mismatch',
      1_000,
    ],
    [
      'a foreign host key on the first boot',
      [
        { atMs: 1, kind: 'addresses', addresses: { lease: [address] } },
        { atMs: 1, kind: 'sshd', address, sshd: { hostKey: 'ssh-ed25519 AAAAforeign', login: 'accepted' } },
      ],
      {},
      'guest.host-key-mismatch',
      35_000,
    ],
    ['a silent agent', [], climbing('agent'), 'guest.agent-silent', 60_500],
    [
      'cloud-init without a seed',
      [
        { atMs: 1, kind: 'agent', connected: true },
        { atMs: 3_000, kind: 'file', path: '/run/cloud-init/disabled', content: '' },
      ],
      climbing('cloud-init'),
      'guest.no-datasource',
      4_000,
    ],
    [
      'cloud-init that does not end',
      [{ atMs: 1, kind: 'agent', connected: true }],
      climbing('cloud-init'),
      'guest.not-ready',
      600_500,
    ],
  ]
  it.each(cases)('C18: tells %s', async (_, events, changes, code, withinMs) => {
    const { error, atMs, guest } = await run(events, changes)
    expect(error?.code).toBe(code)
    expect(atMs).toBeLessThanOrEqual(withinMs)
    expect(error?.details).toMatchObject({ instance: 'web-1', interfaces: [{ network: 'default' }] })
    expect(guest.openConsoles).toBe(0)
  })

  it('C17: fails on an error of cloud-init and quotes its log', async () => {
    const broken = JSON.stringify({
      v1: { datasource: 'DataSourceNoCloud', errors: ["('runcmd', ProcessError())"] },
    })
    const { error } = await run([
      ...normalBoot.slice(0, 3),
      result(20_060, broken),
      {
        atMs: 1,
        kind: 'file',
        path: '/var/log/cloud-init.log',
        content: 'util.py[WARNING]: Running module runcmd failed\ncc_x.py[WARNING]: password: hunter2\n',
      },
    ])
    expect(error?.code).toBe('guest.cloud-init-failed')
    expect(error?.message).toContain('runcmd')
    expect(error?.details['cloudInitLog']).toEqual([
      'util.py[WARNING]: Running module runcmd failed',
      'cc_x.py[WARNING]: password: ***',
    ])
  })

  it("keeps within the progress's deadline", async () => {
    const { error, atMs } = await run([], { deadlineMs: 5_000 })
    expect(error?.code).toBe('guest.no-address')
    expect(atMs).toBeLessThanOrEqual(5_500)
  })

  it('C18: carries the last 20 lines of the console', async () => {
    const text = Array.from({ length: 30 }, (_, line) => `line ${line}\r\n`).join('')
    const { error } = await run([{ atMs: 10, kind: 'console', text }])
    expect(error?.details['console']).toHaveLength(20)
    expect(error?.details['console']).toContain('line 29')
  })

  it('rejects with the reason of a cancellation and leaves nothing open', async () => {
    const seam = createFakeSeam()
    const guest = scriptedGuest(seam, [])
    const cancel = new AbortController()
    const progress = new Progress(seam, { signal: cancel.signal })
    void seam.sleep(3_000).then(() => cancel.abort(new Error('enough')))
    const wanted = { instance: sampleInstance(), hostKeys: [hostKey], loginKey: undefined, firstBoot: true }
    await expect(awaitReady(progress, guest, wanted, guest.network)).rejects.toThrow('enough')
    expect(guest.openConsoles).toBe(0)
    expect(seam.monotonicMs()).toBe(3_000)
  })
})
