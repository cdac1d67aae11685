import { describe, expect, it } from 'vitest'
import { Progress } from '../lib/progress.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { awaitReady } from './await-ready.ts'
import type { Wanted } from './climb.ts'
import { address, climbing, hostKey, normalBoot, result, run } from './testing/climb-run.ts'
import { sampleInstance, sampleInterface } from './testing/sample-instance.ts'
import { type ScriptEvent, scriptedGuest } from './testing/scripted-guest.ts'

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

  it('C17: has more patience with an emulated guest, but not more than somebody chose', async () => {
    const usual = sampleInstance({ ready: { rungs: ['address'], usualLimits: ['address'] } })
    const waited = async (instance: InstanceSpec, isEmulated: boolean): Promise<number> =>
      Math.round((await run([], { instance, isEmulated })).atMs / 60_000)
    expect(await waited(usual, false)).toBe(1)
    expect(await waited(usual, true)).toBe(3)
    expect(await waited(climbing('address').instance, true)).toBe(1)
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
