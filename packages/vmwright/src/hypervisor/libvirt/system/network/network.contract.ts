import { beforeEach, expect, it } from 'vitest'
import { openNamespace, progress, whyNoNamespaces } from '../testing/namespaces.ts'
import { hostNetwork } from './network.ts'

beforeEach(({ skip }) => skip(whyNoNamespaces() !== undefined, whyNoNamespaces()))

it('K4: reads interfaces, routes, listeners and the packet filter of a host in one command', async () => {
  await using host = await openNamespace()
  await host.sh(`
    ip link add br0 type bridge; ip link set br0 up; ip addr add 10.7.1.1/24 dev br0
    ip link add wan type veth peer name lan; ip link set lan master br0; ip link set wan up; ip link set lan up
    ip addr add 192.0.2.1/24 dev wan; ip addr add 2001:db8::1/64 dev wan nodad
    ip tuntap add tap0 mode tap; ip route add default via 192.0.2.254
    iptables -P FORWARD DROP; nft add table inet firewalld`)
  let commands = 0
  const shell: typeof host.shell = {
    ...host.shell,
    run: (at, command) => ((commands += 1), host.shell.run(at, command)),
  }
  const facts = await hostNetwork(shell).read(progress)
  expect(commands).toBe(1)
  const interfaceOf = (name: string) => facts.interfaces.find((each) => each.name === name)
  expect(interfaceOf('lo')).toMatchObject({ kind: 'loopback', isUp: true })
  expect(interfaceOf('br0')).toMatchObject({
    kind: 'bridge',
    isUp: true,
    addresses: ['10.7.1.1/24', expect.anything()],
  })
  expect(interfaceOf('tap0')).toMatchObject({ kind: 'tap', isUp: false, addresses: [] })
  expect(interfaceOf('lan')).toMatchObject({ kind: 'other', master: 'br0' })
  expect(facts.routes).toContainEqual({ to: '0.0.0.0/0', via: '192.0.2.254', interface: 'wan' })
  expect(facts.routes).toContainEqual({ to: '2001:db8::/64', via: undefined, interface: 'wan' })
  expect(facts.firewall).toEqual({ backend: 'iptables', managers: ['firewalld'], dropsForwarded: false })

  // An old `ip`, which knows no JSON, tells the same.
  const old: typeof host.shell = {
    ...shell,
    run: (at, command) =>
      host.shell.run(at, {
        ...command,
        script: `ip() { case " $* " in *' -j '*) return 1 ;; esac; command ip "$@"; }\n${command.script}`,
      }),
  }
  const plain = await hostNetwork(old).read(progress)
  const sorted = (list: typeof facts.interfaces) =>
    list
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((each) => ({ ...each, addresses: each.addresses.toSorted() }))
  expect(sorted(plain.interfaces)).toEqual(sorted(facts.interfaces))
  expect(plain.routes).toEqual(facts.routes)
})

it('K4: reads what it can of a host without the usual tools', async () => {
  await using host = await openNamespace()
  const none = 'ip() { return 127; }; ss() { return 127; }; has() { return 1; }; root() { return 127; }'
  const shell: typeof host.shell = {
    ...host.shell,
    run: (at, command) =>
      host.shell.run(at, {
        ...command,
        script: command.script.replace('section addresses', `${none}\nsection addresses`),
      }),
  }
  const facts = await hostNetwork(shell).read(progress)
  expect(facts.interfaces).toMatchObject([{ name: 'lo', kind: 'loopback', isUp: true }])
  expect(facts.firewall).toEqual({ backend: 'none', managers: [], dropsForwarded: false })
})
