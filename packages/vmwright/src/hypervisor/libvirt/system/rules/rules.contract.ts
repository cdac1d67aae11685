import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ruleDigest } from '../../../host/rule-digest.ts'
import type { HostRules, RuleSet } from '../../../host/rules.ts'
import {
  answer,
  arrivesAs,
  connect,
  isCutOff,
  type Namespace,
  openNamespace,
  progress,
  whyNoNamespaces,
} from '../testing/namespaces.ts'
import type { HostShell } from '../../host-shell.ts'
import { hostRules, type RulePlaces } from './rules.ts'

const whyNot = whyNoNamespaces()
const lab: RuleSet = {
  project: 'demo',
  network: 'demo lab',
  bridge: 'vw-lab',
  subnets: ['10.7.1.0/24', 'fd07:1::/64'],
  outside: undefined,
  masquerade: true,
  to: [],
  from: [],
}
const other: RuleSet = {
  ...lab,
  project: 'other',
  network: 'other-lab',
  bridge: 'vw-other',
  subnets: ['10.7.2.0/24', 'fd07:2::/64'],
}

/** How each packet filter is made to be the one that has effect, as hosts of that kind have it. */
const filters = {
  nftables: '',
  'iptables after Docker': ['iptables', 'ip6tables']
    .flatMap((tool) => [
      `${tool} -P FORWARD DROP`,
      `${tool} -N DOCKER-USER`,
      `${tool} -A FORWARD -j DOCKER-USER`,
    ])
    .join('\n'),
  'iptables after ufw that denies and rejects': [['iptables', 'ufw'] as const, ['ip6tables', 'ufw6'] as const]
    .flatMap(([tool, ufw]) => [
      `${tool} -P INPUT DROP`,
      `${tool} -A INPUT -i wan -j ACCEPT`,
      `${tool} -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT`,
      `${tool} -N ${ufw}-reject-forward`,
      `${tool} -A FORWARD -j ${ufw}-reject-forward`,
      `${tool} -A ${ufw}-reject-forward -j REJECT`,
    ])
    .join('\n'),
} as const

describe.each(Object.entries(filters))('K6: rules in %s', (name, prepare) => {
  const opened: AsyncDisposable[] = []
  let router: Namespace
  let guest: Namespace
  let neighbour: Namespace
  let stranger: Namespace
  let outside: Namespace
  let folder: string
  let places: RulePlaces
  let rules: HostRules
  /** All that must be as it was, byte for byte. */
  let stateOfHost: () => Promise<string>
  let before: string

  beforeEach(({ skip }) => skip(whyNot !== undefined, whyNot))

  beforeAll(async () => {
    if (whyNot !== undefined) return
    const open = async (): Promise<Namespace> => {
      const namespace = await openNamespace()
      opened.push(namespace)
      return namespace
    }
    ;[router, guest, neighbour, stranger, outside] = [
      await open(),
      await open(),
      await open(),
      await open(),
      await open(),
    ]
    await connect([router, 'wan'], [outside, 'eth0'])
    await router.sh(`
      sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
      ip addr add 192.0.2.1/24 dev wan; ip addr add 2001:db8::1/64 dev wan nodad
      ip link add vw-lab type bridge; ip link set vw-lab up
      ip addr add 10.7.1.1/24 dev vw-lab; ip addr add fd07:1::1/64 dev vw-lab nodad
      ip link add vw-other type bridge; ip link set vw-other up
      ip addr add 10.7.2.1/24 dev vw-other; ip addr add fd07:2::1/64 dev vw-other nodad`)
    // A second address for who may not: 198.51.100.1. It knows the way to the guests, as a client with a route does.
    await outside.sh(`
      ip addr add 192.0.2.100/24 dev eth0; ip addr add 198.51.100.1/24 dev lo
      ip addr add 2001:db8::100/64 dev eth0 nodad
      ip route add 10.7.0.0/16 via 192.0.2.1; ip -6 route add fd07::/16 via 2001:db8::1`)
    await router.sh('ip route add 198.51.100.0/24 via 192.0.2.100')
    const machines = [
      [guest, 'vw-lab', 1, 10],
      [neighbour, 'vw-lab', 1, 11],
      [stranger, 'vw-other', 2, 10],
    ] as const
    for (const [machine, bridge, network, host] of machines) {
      const port = `p${network}-${host}`
      await connect([router, port], [machine, 'eth0'])
      await router.sh(`ip link set ${port} master ${bridge}`)
      await machine.sh(`
        ip addr add 10.7.${network}.${host}/24 dev eth0; ip addr add fd07:${network}::${host}/64 dev eth0 nodad
        ip route add default via 10.7.${network}.1; ip -6 route add default via fd07:${network}::1`)
    }
    for (const machine of [router, guest, neighbour, stranger, outside]) opened.push(await answer(machine))
    opened.push(await answer(router, 53))
    if (prepare !== '') await router.sh(prepare)

    folder = await mkdtemp(join(tmpdir(), 'vmwright-rules-'))
    await mkdir(join(folder, 'etc/libvirt'), { recursive: true })
    places = { rules: join(folder, 'etc/vmwright/rules'), hooks: join(folder, 'etc/libvirt/hooks') }
    rules = hostRules(router.shell, places)
    stateOfHost = async () =>
      [
        await router.sh('nft -s list ruleset; iptables-save; ip6tables-save').then(withoutTimes),
        await router.sh(`cd ${folder}; find . -printf '%p %m %s\\n' | sort`),
      ].join('\n')
    // Listing makes the tables of iptables.
    before = await stateOfHost().then(stateOfHost)
  })

  const ruleFiles = async (): Promise<readonly string[]> =>
    (await readdir(places.rules)).filter((file) => !['.folders', '.chains'].includes(file))

  beforeEach(async () => {
    await rules?.remove(progress, lab)
    await rules?.remove(progress, other)
  })

  afterAll(async () => {
    for (const each of opened.toReversed()) await each[Symbol.asyncDispose]()
    if (folder !== undefined) await rm(folder, { recursive: true })
  })

  it('K6: lets guests out under the address of the host, and their answers in, but nobody else', async () => {
    await rules.apply(progress, lab)
    expect(await arrivesAs(guest, '192.0.2.100')).toBe('192.0.2.1')
    expect(await arrivesAs(guest, '2001:db8::100')).toBe('2001:db8::1')
    expect(await isCutOff(outside, '10.7.1.10')).toBe(true)
    expect(await isCutOff(outside, 'fd07:1::10')).toBe(true)
    expect(await arrivesAs(outside, '192.0.2.1')).toBe('192.0.2.100')
  })
  it('K6: leaves guests of one network, and the host itself, to each other', async () => {
    await rules.apply(progress, lab)
    expect(await arrivesAs(guest, '10.7.1.11')).toBe('10.7.1.10')
    expect(await arrivesAs(guest, 'fd07:1::11')).toBe('fd07:1::10')
    expect(await arrivesAs(router, '10.7.1.10')).toBe('10.7.1.1')
    expect(await arrivesAs(guest, '10.7.1.1', 53)).toBe('10.7.1.10')
    expect(await arrivesAs(guest, 'fd07:1::1', 53)).toBe('fd07:1::10')
    const isDenied = name.includes('ufw')
    const seen = isDenied ? await isCutOff(guest, '10.7.1.1') : await arrivesAs(guest, '10.7.1.1')
    expect(seen).toBe(isDenied ? true : '10.7.1.10')
  })

  it('K6: lets in only who may begin connections, under his own address', async () => {
    const open = { ...lab, masquerade: false, from: ['192.0.2.0/24', '2001:db8::/64'] }
    await rules.apply(progress, open)
    expect(await arrivesAs(outside, '10.7.1.10')).toBe('192.0.2.100')
    expect(await arrivesAs(outside, 'fd07:1::10')).toBe('2001:db8::100')
    expect(await arrivesAs(guest, '192.0.2.100')).toBe('10.7.1.10')
    await outside.sh('ip route replace 10.7.0.0/16 via 192.0.2.1 src 198.51.100.1')
    expect(await isCutOff(outside, '10.7.1.10')).toBe(true)
    await outside.sh('ip route replace 10.7.0.0/16 via 192.0.2.1')
  })

  it('K6: lets guests only where they may go, and only by the interface to the outside', async () => {
    await rules.apply(progress, { ...lab, to: ['198.51.100.0/24'], outside: 'wan' })
    expect(await arrivesAs(guest, '198.51.100.1')).toBe('192.0.2.1')
    expect(await isCutOff(guest, '192.0.2.100')).toBe(true)
    expect(await isCutOff(guest, '2001:db8::100')).toBe(true)
    await rules.apply(progress, { ...lab, outside: 'vw-other' })
    expect(await isCutOff(guest, '192.0.2.100')).toBe(true)
  })

  it('K6: keeps the networks of two projects apart, and one serves on when the other goes', async () => {
    await rules.apply(progress, lab)
    await rules.apply(progress, other)
    expect(await isCutOff(guest, '10.7.2.10')).toBe(true)
    expect(await isCutOff(stranger, '10.7.1.10')).toBe(true)
    await rules.apply(progress, { ...other, from: ['10.7.1.0/24'] })
    expect(await arrivesAs(guest, '10.7.2.10')).toMatch(/^10\.7\./)
    await rules.remove(progress, lab)
    expect(await arrivesAs(stranger, '192.0.2.100')).toBe('192.0.2.1')
    expect((await rules.read(progress)).map(({ project }) => project)).toEqual(['other'])
  })

  it('K6: tells what is in force and what comes back, whatever others have done to it', async () => {
    expect(await rules.read(progress)).toEqual([])
    await rules.apply(progress, lab)
    const backend = name === 'nftables' ? 'nftables' : 'iptables'
    const all = { project: 'demo', network: 'demo lab', digest: ruleDigest(lab), backend } as const
    expect(await rules.read(progress)).toEqual([{ ...all, active: true, persistent: true }])
    await rm(join(places.hooks, 'network.d/vmwright'))
    expect(await rules.read(progress)).toEqual([{ ...all, active: true, persistent: false }])
    await rules.apply(progress, lab)
    expect(await rules.read(progress)).toEqual([{ ...all, active: true, persistent: true }])
    await router.sh(
      name === 'nftables'
        ? 'nft flush ruleset'
        : 'iptables -S FORWARD | sed -n "s/^-A \\(.* VW-\\)/-D \\1/p" | xargs iptables',
    )
    expect(await rules.read(progress)).toEqual([{ ...all, active: false, persistent: true }])
    await rules.apply(progress, lab)
    expect(await rules.read(progress)).toEqual([{ ...all, active: true, persistent: true }])
    for (const file of await ruleFiles()) await rm(join(places.rules, file))
    expect(await rules.read(progress)).toEqual([{ ...all, active: true, persistent: false }])
    await rules.remove(progress, lab)
    expect(await rules.read(progress)).toEqual([])
  })

  it('K6: replaces rules as one, without what only the earlier ones had', async () => {
    await rules.apply(progress, lab)
    const plain = { ...lab, masquerade: false }
    await rules.apply(progress, plain)
    expect(await arrivesAs(guest, '192.0.2.100')).toBe('10.7.1.10')
    const [observed] = await rules.read(progress)
    expect(observed).toMatchObject({ digest: ruleDigest(plain), active: true, persistent: true })
    expect(await ruleFiles()).toHaveLength(name === 'nftables' ? 1 : 2)
  })

  it('K6: leaves what was in force where the new rules are refused', async () => {
    await rules.apply(progress, lab)
    const state = await stateOfHost()
    const broken = join(folder, 'broken')
    await mkdir(broken)
    for (const tool of ['nft', 'iptables-restore'])
      await writeFile(join(broken, tool), refusing(tool), { mode: 0o755 })
    const shell: HostShell = {
      ...router.shell,
      run: (at, command) =>
        router.shell.run(at, {
          ...command,
          script: command.effect.mutates ? `PATH=${broken}:$PATH\n${command.script}` : command.script,
        }),
    }
    const refused = hostRules(shell, places).apply(progress, { ...lab, masquerade: false })
    await expect(refused).rejects.toMatchObject({
      code: 'network.rules-failed',
      message: expect.stringContaining('Error: not today'),
    })
    await rm(broken, { recursive: true })
    const odd = rules.apply(progress, { ...lab, bridge: 'a" drop; "' })
    await expect(odd).rejects.toMatchObject({ code: 'network.rules-failed' })
    expect(await stateOfHost()).toBe(state)
  })

  it('K6, K11: removes all of it, to the byte, also twice', async () => {
    await rules.apply(progress, lab)
    await rules.apply(progress, other)
    expect(await stateOfHost()).not.toBe(before)
    await rules.remove(progress, lab)
    await rules.remove(progress, lab)
    await rules.remove(progress, other)
    expect(await stateOfHost()).toBe(before)
  })

  it('K6, K11: two projects that come and go at the same moment leave nothing', async () => {
    for (let round = 0; round < 5; round++) {
      await Promise.all([rules.apply(progress, lab), rules.apply(progress, other)])
      await Promise.all([rules.remove(progress, lab), rules.apply(progress, other)])
      await Promise.all([rules.apply(progress, lab), rules.remove(progress, other)])
      await Promise.all([rules.remove(progress, lab), rules.remove(progress, other)])
      expect(await stateOfHost()).toBe(before)
    }
  })

  it('K6, K11: leaves hooks of others, and a folder that was there before', async () => {
    const theirs = join(places.hooks, 'network.d/theirs')
    await mkdir(join(places.hooks, 'network.d'), { recursive: true })
    await rules.apply(progress, lab)
    await writeFile(theirs, '#!/bin/sh\n')
    await rules.remove(progress, lab)
    expect(await readdir(join(places.hooks, 'network.d'))).toEqual(['theirs'])
    await rm(theirs)
    await rules.apply(progress, lab)
    await rules.remove(progress, lab)
    expect(await readdir(places.hooks)).toEqual(['network.d'])
    await rm(places.hooks, { recursive: true })
  })

  it('K6: come and go with their network, by the hook', async () => {
    await rules.apply(progress, lab)
    const hook = join(places.hooks, 'network.d/vmwright')
    expect(await readFile(hook, 'utf8')).toMatch(/^#!\/bin\/sh\n/)
    const call = (network: string, event: string) => router.sh(`${hook} '${network}' ${event} - </dev/null`)
    const isActive = async () => (await rules.read(progress))[0]?.active
    await call('another', 'stopped end')
    await call('demo lab', 'port-created begin')
    expect(await isActive()).toBe(true)
    await call('demo lab', 'stopped end')
    expect(await isActive()).toBe(false)
    expect(await rules.read(progress)).toMatchObject([{ active: false, persistent: true }])
    await call('demo lab', 'start begin')
    await call('demo lab', 'start begin')
    expect(await isActive()).toBe(true)
    expect(await arrivesAs(guest, '192.0.2.100')).toBe('192.0.2.1')
    await rules.remove(progress, lab)
    expect(await stateOfHost()).toBe(before)
  })
})

/** Reads as the real one does. */
const refusing = (tool: string): string => `#!/bin/sh
PATH=/usr/sbin:/sbin:$PATH
case $* in list*|-s*) exec ${tool} "$@" ;; esac
echo 'Error: not today' >&2
exit 1
`

const withoutTimes = (dump: string): string => dump.replaceAll(/^#.*\n/gm, '').replaceAll(/\[\d+:\d+\]/g, '')
