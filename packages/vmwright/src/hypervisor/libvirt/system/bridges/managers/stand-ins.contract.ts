import { beforeEach, describe, it } from 'vitest'
import { hostBridges } from '../bridges.ts'
import { abandon, addresses, bridge, hasty, openLab, progress, rolledBack, whyNoLab } from '../testing.ts'
import { standIns } from './testing/stand-ins.ts'

beforeEach(({ skip }) => {
  const whyNot = whyNoLab()
  skip(whyNot !== undefined, whyNot)
})

const { host, host6, gateway } = addresses
const write = (path: string, text: string): string =>
  `mkdir -p ${path.replace(/[^/]+$/, '')}; cat >${path} <<'EOF'\n${text}EOF\nchmod 600 ${path}; `

const managers = {
  networkd: {
    tool: 'networkctl',
    start:
      'rm -rf /run/systemd; networkctl reload; networkctl reconfigure lan0 $(ls /sys/class/net | grep br0)',
    folder: '/etc/systemd/network',
    file: write(
      '/etc/systemd/network/20-lan.network',
      `[Match]\nName=lan0\n[Network]\nAddress=${host}\nAddress=${host6}\nGateway=${gateway}\n`,
    ),
  },
  netplan: {
    tool: 'netplan',
    start: 'rm -rf /run/netplan; netplan apply',
    folder: '/etc/netplan',
    file: write(
      '/etc/netplan/50-lan.yaml',
      `network:\n  ethernets:\n    lan0:\n      addresses: [${host}, "${host6}"]\n      routes: [{to: default, via: ${gateway}}]\n`,
    ),
  },
  networkmanager: {
    tool: 'nmcli',
    start: 'rm -rf /run/profiles /run/active; nmcli restart',
    folder: '/etc/NetworkManager',
    file: write(
      '/etc/NetworkManager/system-connections/lan',
      `type:ethernet\nifname:lan0\nipv4.method:manual\nipv4.addresses:${host}\nipv4.gateway:${gateway}\nipv6.addresses:${host6}\n`,
    ),
  },
} as const

describe.concurrent('K5: a bridge over an interface that another manager runs', { timeout: 60_000 }, () => {
  it.for(['networkd', 'netplan', 'networkmanager'] as const)(
    'K5: with a stand-in for %s: tried where a restart forgets it, kept when confirmed, gone without a trace',
    async (manager, { expect }) => {
      const { tool, start, folder, file } = managers[manager]
      await using lab = await openLab(`${file}${start}`, { [tool]: standIns[tool] })
      const bridges = hostBridges(lab.shell)
      const files = (): Promise<string> =>
        lab.console(`find ${folder} -type f -printf '%p %m %T@ ' -exec sha256sum {} +`)
      const [before, text] = [await lab.network(), await files()]
      expect(await bridges.inspect(progress, bridge)).toMatchObject({ manager, whyNot: undefined })

      await abandon(lab, hasty)
      expect(await files()).toBe(text)
      expect(await rolledBack(lab)).toContain('nobody confirmed')
      expect([await lab.network(), await files()]).toEqual([before, text])

      await bridges.make(progress, bridge)
      await lab.reach()
      const made = await lab.network()
      expect(made).toContain(`br0 inet ${host}`)
      await lab.console(`ip link delete br0; ip address flush dev lan0; ip link set lan0 down; ${start}`)
      await lab.reach()
      expect(await lab.network()).toBe(made)

      await bridges.remove(progress, bridge)
      await lab.reach()
      expect([await lab.network(), await files()]).toEqual([before, text])
    },
  )
})
