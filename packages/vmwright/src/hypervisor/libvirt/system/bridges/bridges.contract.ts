import { beforeEach, describe, it } from 'vitest'
import { Progress } from '../../../../lib/progress.ts'
import { realSeam } from '../../../../lib/seam.ts'
import { hostBridges } from './bridges.ts'
import { abandon, addresses, bridge, hasty, openLab, progress, rolledBack, whyNoLab } from './testing.ts'

beforeEach(({ skip }) => {
  const whyNot = whyNoLab('nft')
  skip(whyNot !== undefined, whyNot)
})

describe.concurrent('K5: a bridge over an interface that nothing manages', { timeout: 60_000 }, () => {
  it('K5: takes addresses and routes, stays reachable, and goes away again', async ({ expect }) => {
    await using lab = await openLab()
    const bridges = hostBridges(lab.shell)
    const before = await lab.network()
    expect(await bridges.inspect(progress, bridge)).toEqual({
      state: 'absent',
      manager: 'none',
      carriesDefaultRoute: true,
      addresses: [addresses.host, addresses.host6],
      whyNot: undefined,
    })
    await bridges.make(progress, bridge)
    await lab.reach()
    const after = before.replaceAll('lan0', 'br0').trimEnd()
    expect((await lab.network()).trimEnd()).toBe(`${after}\n/sys/class/net/br0/brif/lan0`)
    expect(await bridges.inspect(progress, bridge)).toMatchObject({
      state: 'present',
      carriesDefaultRoute: true,
    })
    expect(await bridges.made(progress)).toEqual([bridge])
    const log = await lab.console('cat /var/lib/vmwright/bridges/br0/make/log')
    await bridges.make(progress, bridge)
    expect(await lab.console('cat /var/lib/vmwright/bridges/br0/make/log')).toBe(log)

    await bridges.remove(progress, bridge)
    await lab.reach()
    expect(await lab.network()).toBe(before)
    expect(await bridges.made(progress)).toEqual([])
    expect(await lab.console('ls /var/lib | grep vmwright || true')).toBe('')
    await bridges.remove(progress, bridge)
  })

  it('K5: is taken back by the host when no connection comes, and the error says so', async ({ expect }) => {
    await using lab = await openLab()
    const before = await lab.network()
    const cut =
      'nft add table inet cut; nft "add chain inet cut out { type filter hook output priority 0; }"; '
    let restored: Promise<string> | undefined
    const seam = realSeam({
      before: async ({ kind }) => {
        if (kind !== 'shell.confirm-bridge' || restored !== undefined) return
        await lab.atSwitch(`${cut} nft add rule inet cut out tcp dport 22 drop`)
        restored = rolledBack(lab).finally(() => lab.atSwitch('nft delete table inet cut'))
      },
    })
    const made = hostBridges(lab.shell).make(new Progress(seam), hasty)
    await expect(made).rejects.toMatchObject({
      code: 'host.bridge-rolled-back',
      message: expect.stringMatching(/rack1.*nobody confirmed over a new connection within 4 s/),
      hint: expect.stringContaining('/var/lib/vmwright/bridges/br0/make/log'),
    })
    await restored
    expect(await lab.network()).toBe(before)
  })

  it('K5: is taken back by the host when the gateway does not answer on it', async ({ expect }) => {
    await using lab = await openLab()
    const before = await lab.network()
    const quiet =
      'nft add table arp mute; nft "add chain arp mute in { type filter hook input priority 0; policy drop; }"'
    const watch = lab.console(
      'until [ -s /var/lib/vmwright/bridges/br0/make/state ] && grep -q applying /var/lib/vmwright/bridges/br0/make/state; do sleep 0.02; done',
    )
    const made = hostBridges(lab.shell).make(progress, hasty)
    const outcome = expect(made).rejects.toMatchObject({
      code: 'host.bridge-rolled-back',
      message: expect.stringMatching(/gateway 10\.77\.0\.1 does not answer on br0|nobody confirmed/),
    })
    await watch
    await lab.atSwitch(quiet)
    await rolledBack(lab)
    await lab.atSwitch('nft delete table arp mute')
    await outcome
    expect(await lab.network()).toBe(before)
  })

  it('K5: is taken back when the controller is gone before it confirms', async ({ expect }) => {
    await using lab = await openLab()
    const before = await lab.network()
    await abandon(lab)
    expect(await rolledBack(lab)).toBe('rolled-back nobody confirmed over a new connection within 4 s')
    expect(await lab.network()).toBe(before)
    await lab.reach()
  })

  it('K5: is taken back at once by the guard when the worker is killed, and by whoever comes next when both are', async ({
    expect,
  }) => {
    await using lab = await openLab()
    const bridges = hostBridges(lab.shell)
    const before = await lab.network()
    await abandon(lab, { ...bridge, confirmWithinMs: 600_000 })
    await lab.console('kill -9 $(cat /var/lib/vmwright/bridges/br0/make/work.pid)')
    expect(await rolledBack(lab)).toBe('rolled-back the process that made it ended early')
    expect(await lab.network()).toBe(before)

    await abandon(lab, { ...bridge, confirmWithinMs: 600_000 })
    await lab.console('cd /var/lib/vmwright/bridges/br0/make; kill -9 $(cat work.pid guard.pid)')
    expect(await bridges.inspect(progress, bridge)).toMatchObject({
      state: 'absent',
      whyNot: 'a change of bridge br0 was left unfinished there',
    })
    await bridges.make(progress, bridge)
    await lab.reach()
    await bridges.remove(progress, bridge)
    expect(await lab.network()).toBe(before)
  })

  it('K5: is made once when two want it at the same time, and stays when its removal is not confirmed', async ({
    expect,
  }) => {
    await using lab = await openLab()
    // The second finds it made, or in the making, however far the first has come.
    const make = (): Promise<void> => hostBridges(lab.shell).make(progress, bridge)
    await Promise.all([make(), make()])
    await lab.reach()
    const log = await lab.console('grep -c applying /var/lib/vmwright/bridges/br0/make/log')
    expect(log.trim()).toBe('1')

    const before = await lab.network()
    await abandon(lab, hasty, 'remove')
    expect(await rolledBack(lab, 'remove')).toContain('nobody confirmed')
    expect(await lab.network()).toBe(before)
    expect(await hostBridges(lab.shell).made(progress)).toEqual([bridge])
  })

  it('K5: is refused, with the reason, before anything is done', async ({ expect }) => {
    await using lab = await openLab()
    const bridges = hostBridges(lab.shell)
    const cases = [
      ['ip link add br0 type veth', 'foreign', 'an interface br0 that is no bridge exists'],
      [
        'ip link delete br0; ip link add br0 type bridge',
        'foreign',
        'a bridge br0 exists, and lan0 is not in it',
      ],
    ] as const
    for (const [script, state, whyNot] of cases) {
      await lab.console(script)
      expect(await bridges.inspect(progress, bridge)).toMatchObject({ state, whyNot })
      await expect(bridges.make(progress, bridge)).rejects.toMatchObject({
        code: 'host.bridge-refused',
        message: expect.stringContaining(whyNot),
      })
    }
    const missing = { ...bridge, name: 'br1', interface: 'lan9' }
    expect(await bridges.inspect(progress, missing)).toMatchObject({
      whyNot: 'the host has no interface lan9',
    })
    expect(await lab.console('ls /var/lib | grep vmwright || true')).toBe('')
  })
})
