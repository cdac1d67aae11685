import { beforeEach, describe, it } from 'vitest'
import { hostBridges } from '../bridges.ts'
import { abandon, addresses, bridge, hasty, openLab, progress, rolledBack, whyNoLab } from '../testing.ts'

beforeEach(({ skip }) => {
  const whyNot = whyNoLab('ifup')
  skip(whyNot !== undefined, whyNot)
})

/** In two files, with comments, and options that belong to the hardware or name the interface. */
const configure = (address: string = addresses.host): string => `
cat >/etc/network/interfaces <<'EOF'
# The loopback network interface
auto lo
iface lo inet loopback

source interfaces.d/*
EOF
cat >/etc/network/interfaces.d/lan <<'EOF'
# uplink to the switch
auto lan0
iface lan0 inet static
\taddress ${address}
\tgateway ${addresses.gateway}
\tmtu 1400
\tup ip route add 10.88.0.0/16 via 10.77.0.9 dev lan0   # the lab

iface lan0 inet6 static
    address ${addresses.host6}
EOF
chmod 640 /etc/network/interfaces.d/lan
ifup lan0`

/** Content, permissions and times. */
const files =
  'cd /etc/network; find . -type f -printf "%p %m %u %T@ " -exec sha256sum {} +; ls -A . interfaces.d'

describe.concurrent('K5: a bridge over an interface that ifupdown runs', { timeout: 60_000 }, () => {
  it('K5: is there after a restart, and its removal brings every file back', async ({ expect }) => {
    await using lab = await openLab(configure())
    const bridges = hostBridges(lab.shell)
    const [before, text] = [await lab.network(), await lab.console(files)]
    expect(await bridges.inspect(progress, bridge)).toMatchObject({
      manager: 'ifupdown',
      state: 'absent',
      whyNot: undefined,
    })
    await bridges.make(progress, bridge)
    await lab.reach()
    const made = await lab.network()
    expect(made).toContain(`br0 inet ${addresses.host}`)
    expect(made).toContain('10.88.0.0/16 via 10.77.0.9 dev br0')
    expect(await lab.console('cat /sys/class/net/br0/mtu')).toBe('1400\n')

    await lab.console(
      'ip link delete br0; ip address flush dev lan0; ip link set lan0 down; rm /run/network/*; ifup -a',
    )
    await lab.reach()
    expect(await lab.network()).toBe(made)
    expect(await bridges.inspect(progress, bridge)).toMatchObject({ state: 'present', manager: 'ifupdown' })

    await bridges.remove(progress, bridge)
    await lab.reach()
    expect([await lab.network(), await lab.console(files)]).toEqual([before, text])
  })

  it('K5: is not in its files before it is confirmed, so a restart brings the old state', async ({
    expect,
  }) => {
    await using lab = await openLab(configure())
    const bridges = hostBridges(lab.shell)
    const [before, text] = [await lab.network(), await lab.console(files)]
    await abandon(lab, { ...bridge, confirmWithinMs: 600_000 })
    expect(await lab.console(files)).toBe(text)
    await lab.console(`
      cd /var/lib/vmwright/bridges/br0/make; kill -9 $(cat work.pid guard.pid)
      echo 'another start' >/run/boot; mount --bind /run/boot /proc/sys/kernel/random/boot_id
      ip link delete br0; ip address flush dev lan0; ip link set lan0 down; rm /run/network/*; ifup -a`)
    expect(await lab.network()).toBe(before)
    await bridges.make(progress, bridge)
    await lab.reach()
    await bridges.remove(progress, bridge)
    expect([await lab.network(), await lab.console(files)]).toEqual([before, text])
  })

  it('K5: is taken back when the files are not what is in force, by hand where they would not do', async ({
    expect,
  }) => {
    await using lab = await openLab(
      `${configure('10.77.0.99/24')}; ip address flush dev lan0 scope global; ip address add ${addresses.host} dev lan0; ip route add default via ${addresses.gateway}`,
    )
    const [before, text] = [await lab.network(), await lab.console(files)]
    const made = hostBridges(lab.shell).make(progress, hasty)
    const outcome = expect(made).rejects.toMatchObject({
      code: 'host.bridge-rolled-back',
      message: expect.stringContaining(`br0 has no address ${addresses.host}`),
    })
    await rolledBack(lab)
    await outcome
    expect(await lab.network()).toBe(before)
    expect(await lab.console(files)).toBe(text)
  })

  it('K5: is not removed where somebody has changed its files since, but by hand', async ({ expect }) => {
    await using lab = await openLab(configure())
    const bridges = hostBridges(lab.shell)
    const [former, text] = [await lab.network(), await lab.console(files)]
    await bridges.make(progress, bridge)
    const before = await lab.network()
    await lab.console('echo "# mine" >>/etc/network/interfaces.d/lan')
    await expect(bridges.remove(progress, bridge)).rejects.toMatchObject({
      code: 'host.bridge-refused',
      message: expect.stringContaining('/etc/network/interfaces.d/lan was changed by somebody else'),
    })
    expect(await lab.network()).toBe(before)

    // As docs/host-bridge.md tells it.
    await lab.console(`sed -i '/# mine/d' /etc/network/interfaces.d/lan
      cd /var/lib/vmwright/bridges/br0/make; echo 'restoring by hand' >state
      sh worker "$PWD" finish; rm -f ../record`)
    expect([await lab.network(), await lab.console(files)]).toEqual([former, text])
    expect(await bridges.made(progress)).toEqual([])
  })
})
