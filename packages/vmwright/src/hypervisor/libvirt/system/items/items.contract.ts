import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HostItem } from '../../../host/items.ts'
import { hostItems } from './items.ts'
import { openTestHost, type TestHost, whyNoTestHost } from './testing.ts'

let host: TestHost
beforeEach(async ({ skip }) => {
  const why = whyNoTestHost()
  skip(why !== undefined, why)
  host = await openTestHost('own')
})
afterEach(() => host?.[Symbol.asyncDispose]())

const state = async (item: HostItem) => (await hostItems(host.shell).inspect(host.progress, [item])).states[0]
const change = (item: HostItem) => hostItems(host.shell).change(host.progress, item)
const changes = () => hostItems(host.shell).changes(host.progress)
const restoreAll = async () => {
  const outcomes: string[] = []
  for (const each of await changes()) outcomes.push(await hostItems(host.shell).restore(host.progress, each))
  return outcomes
}

const line: HostItem = {
  kind: 'config-line',
  path: '/etc/libvirt/network.conf',
  key: 'firewall_backend',
  value: '"iptables"',
  separator: ' = ',
  reload: undefined,
}
const forward: HostItem = { kind: 'sysctl', name: 'net.ipv4.ip_forward', value: '1' }

describe('items of a host', () => {
  it('K2: sets a sysctl now and for each start, and takes both back', async () => {
    await host.sh('echo 0 >/proc/sys/net/ipv4/ip_forward')
    expect(await state(forward)).toMatchObject({ isSo: false, now: '0' })
    await change(forward)
    expect(await state(forward)).toMatchObject({ isSo: true, now: '1' })
    expect(await host.sh('cat /proc/sys/net/ipv4/ip_forward')).toBe('1\n')
    expect(await host.changed()).toEqual([
      '/etc/sysctl.d/60-vmwright.conf',
      expect.stringContaining('/var/lib/vmwright/changes/sysctl-'),
    ])
    await change(forward)
    expect(await changes()).toMatchObject([{ item: forward, before: { value: '0' } }])
    expect(await restoreAll()).toEqual(['done'])
    expect(await host.sh('cat /proc/sys/net/ipv4/ip_forward')).toBe('0\n')
    expect(await host.changed()).toEqual([])
    expect(await changes()).toEqual([])
  })

  it('K2: leaves a sysctl that somebody else has set since', async () => {
    await host.sh('echo 0 >/proc/sys/net/ipv4/conf/lo/rp_filter')
    const item: HostItem = { kind: 'sysctl', name: 'net.ipv4.conf.lo.rp_filter', value: '1' }
    await change(item)
    await host.sh('echo 2 >/proc/sys/net/ipv4/conf/lo/rp_filter')
    expect(await restoreAll()).toEqual(['kept'])
    expect(await host.sh('cat /proc/sys/net/ipv4/conf/lo/rp_filter')).toBe('2\n')
    expect(await host.changed()).toEqual([])
  })

  it('K2: remembers what was there before the first of several wishes', async () => {
    const item = { kind: 'sysctl', name: 'net.ipv4.ip_default_ttl', value: '70' } as const
    for (const value of ['70', '80', '70']) await change({ ...item, value })
    expect(await changes()).toMatchObject([{ item: { value: '70' }, before: { value: '64' } }])
    expect(await restoreAll()).toEqual(['done'])
    expect(await host.sh('cat /proc/sys/net/ipv4/ip_default_ttl')).toBe('64\n')
    expect(await host.changed()).toEqual([])
  })

  it('K2: says which file overrules a sysctl, and what a kernel refuses', async () => {
    await host.sh('echo net/ipv4/ip_forward = 0 >/etc/sysctl.d/99-mine.conf')
    expect((await state(forward))?.whyNot).toBe(
      '/etc/sysctl.d/99-mine.conf sets it to 0, after /etc/sysctl.d/60-vmwright.conf',
    )
    await expect(change({ ...forward, value: 'nonsense' })).rejects.toMatchObject({
      code: 'host.change-failed',
      message: expect.stringMatching(/sysctl net\.ipv4\.ip_forward.*the kernel does not take nonsense/),
    })
    expect(await restoreAll()).toEqual(['done'])
    expect(await host.changed()).toEqual(['/etc/sysctl.d/99-mine.conf'])
  })

  it.each([
    ['no file', undefined],
    ['an empty file', ''],
    ['a comment alone', '# firewall_backend = "nftables"\n'],
    ['another value', '# above\nfirewall_backend="nftables"  \n\n# below\t\n'],
    ['another value in the last line, which is not ended', 'a = 1\nfirewall_backend = "nftables"'],
    ['a last line that is not ended', 'a = 1\nfirewall_backend_2 = 3'],
    ['several lines of the key', 'firewall_backend = "x"\n  firewall_backend = "y"\nb = 2\n'],
    ['carriage returns and bytes that are no text', 'a = \u00e4\r\n\u0001firewall_backend = 1\r\n'],
  ])('K2: sets the one line and gives back every byte: %s', async (_, content) => {
    const { path } = line
    await host.sh('mkdir -p /etc/libvirt && rm -f "$1"', path)
    if (content !== undefined)
      await host.sh('printf %s "$2" >"$1"; chown daemon:adm "$1"; chmod 640 "$1"', path, content)
    const look = () => host.sh('[ ! -e "$1" ] || { stat -c "%a %U %G" "$1"; base64 "$1"; }', path)
    const before = await look()
    expect((await state(line))?.isSo).toBe(false)
    await change(line)
    expect(await state(line)).toMatchObject({ isSo: true, now: '"iptables"' })
    const lines = (await host.sh('cat "$1"', path)).split('\n')
    expect(lines.filter((each) => each === 'firewall_backend = "iptables"')).toHaveLength(1)
    expect(lines.length).toBeLessThanOrEqual((content ?? '').split('\n').length + 2)
    expect((await look()).split('\n')[0]).toBe(before.split('\n')[0] || '644 root root')
    await change(line)
    expect(await restoreAll()).toEqual(['done'])
    expect(await look()).toBe(before)
  })

  it('K2: leaves a line that somebody else has changed since, and what stands beside it', async () => {
    const { path } = line
    await host.sh('mkdir -p /etc/libvirt && rm -f "$1"', path)
    await change(line)
    await host.sh('echo mine = 1 >>"$1"', path)
    expect(await restoreAll()).toEqual(['done'])
    expect(await host.sh('cat "$1"', path)).toBe('mine = 1\n')
    await change(line)
    await host.sh('sed -i s/iptables/nftables/ "$1"', path)
    expect(await restoreAll()).toEqual(['kept'])
    expect(await host.sh('cat "$1"', path)).toBe('mine = 1\nfirewall_backend = "nftables"\n')
  })

  it('K2: follows a link to the file, and leaves the link', async () => {
    const { path } = line
    await host.sh('mkdir -p /etc/libvirt; echo a = 1 >/etc/real.conf; ln -sf /etc/real.conf "$1"', path)
    await change(line)
    expect(await host.sh('readlink "$1"; cat /etc/real.conf', path)).toBe(
      '/etc/real.conf\na = 1\nfirewall_backend = "iptables"\n',
    )
    expect(await restoreAll()).toEqual(['done'])
    expect(await host.sh('cat /etc/real.conf')).toBe('a = 1\n')
  })

  it('K2: puts a user into a group, and takes it out again', async () => {
    await host.sh('useradd -M vmw-e-user')
    const [users, groups] = [await host.changed(), await host.sh('cat /etc/group /etc/gshadow')]
    const item: HostItem = { kind: 'group-member', user: 'vmw-e-user', group: 'kvm' }
    expect(await state(item)).toMatchObject({ isSo: false, now: 'not a member', whyNot: undefined })
    await change(item)
    expect(await state(item)).toMatchObject({ isSo: true })
    await change(item)
    expect(await restoreAll()).toEqual(['done'])
    expect(await host.sh('cat /etc/group /etc/gshadow')).toBe(groups)
    expect(await host.changed()).toEqual(users)
    expect(await state({ ...item, user: 'vmw-e-nobody' })).toMatchObject({
      whyNot: 'the host has no user vmw-e-nobody',
    })
    await expect(change({ ...item, group: 'vmw-e-none' })).rejects.toMatchObject({
      message: expect.stringContaining('the host has no group vmw-e-none'),
    })
  })

  it('K2: lists a module for each start, and takes it off the list', async () => {
    // What the kernel of the test loads is the machine's own: programs in their place keep to a file.
    await host.sh(`
      mkdir -p /var/tmp/modules /usr/local/sbin
      printf '#!/bin/sh\n[ "$1" = -n ] && exit 0\n[ "$1" = -r ] && exec rm -f /var/tmp/modules/"$3"\n: >/var/tmp/modules/"$2"\n' >/usr/local/sbin/modprobe
      chmod 755 /usr/local/sbin/modprobe`)
    const before = await host.changed()
    const item: HostItem = { kind: 'kernel-module', name: 'dummy-e' }
    await change(item)
    expect(await host.sh('cat /etc/modules-load.d/vmwright.conf; ls /var/tmp/modules')).toBe(
      '# Made by vmwright. `vmwright host restore` takes it back.\ndummy-e\ndummy-e\n',
    )
    expect(await restoreAll()).toEqual(['done'])
    expect((await host.changed()).filter((path) => !path.startsWith('/var/tmp/'))).toEqual(before)
  })

  it('K2: starts a service where there is no systemd, and stops it again', async () => {
    await host.sh(`cp /bin/sleep /usr/local/sbin/vmwe-real
      printf '#!/bin/sh\ncp /usr/local/sbin/vmwe-real /run/vmwe; /run/vmwe 60 & echo $! >/run/vmwe.pid\n' >/usr/local/sbin/vmwe
      chmod 755 /usr/local/sbin/vmwe`)
    const item: HostItem = { kind: 'service', name: 'vmwe' }
    expect(await state(item)).toMatchObject({ isSo: false, now: 'stopped' })
    await change(item)
    expect(await state(item)).toMatchObject({ isSo: true })
    expect(host.said.join()).toContain('there is no systemd')
    expect(await restoreAll()).toEqual(['done'])
    expect(await state(item)).toMatchObject({ isSo: false, now: 'stopped' })
    expect(await state({ ...item, name: 'vmw-none' })).toMatchObject({ now: 'not installed' })
  })

  it('K2: comes back to the first state after a kill between record and change', async () => {
    await host.sh('mkdir -p /etc/libvirt; echo firewall_backend = 1 >"$1"', line.path)
    await change(line)
    // As a kill leaves it: the record is there, the change is not; and a file that was never given its name.
    await host.sh('echo firewall_backend = 1 >"$1"; : >"$1.vmwright-new"', line.path)
    expect(await state(line)).toMatchObject({ isSo: false, now: '1' })
    await change(line)
    expect(await changes()).toMatchObject([{ before: { line: 'firewall_backend = 1' } }])
    await host.sh('echo firewall_backend = 1 >"$1"', line.path)
    expect(await restoreAll()).toEqual(['already'])
    expect(await host.sh('cat "$1"; ls /etc/libvirt | grep vmwright-new || true', line.path)).toBe(
      'firewall_backend = 1\n',
    )
    expect(await changes()).toEqual([])
  })

  it('K2: changes nothing when the record of it cannot be written', async () => {
    await host.sh('echo 0 >/proc/sys/net/ipv4/ip_forward; mkdir -p /var/lib/vmwright/changes')
    await host.sh('mount -t tmpfs -o ro none /var/lib/vmwright/changes')
    await expect(change(forward)).rejects.toMatchObject({ details: { why: 'record' } })
    expect(await host.sh('cat /proc/sys/net/ipv4/ip_forward')).toBe('0\n')
    expect(await host.changed()).toEqual([])
  })

  it('K2: two runs at once take turns', async () => {
    const names = ['ip_forward', 'ip_default_ttl', 'ip_early_demux', 'ip_nonlocal_bind']
    const item = (name: string): HostItem => ({ kind: 'sysctl', name: `net.ipv4.${name}`, value: '1' })
    const before = await host.sh('cd /proc/sys/net/ipv4; cat ip_forward ip_default_ttl ip_nonlocal_bind')
    await Promise.all([...names, ...names].map((name) => change(item(name))))
    const file = await host.sh('sort /etc/sysctl.d/60-vmwright.conf')
    expect(file.split('\n').filter((each) => each.startsWith('net'))).toHaveLength(names.length)
    const made = await changes()
    expect(made).toHaveLength(names.length)
    await Promise.all([...made, ...made].map((each) => hostItems(host.shell).restore(host.progress, each)))
    expect(await host.sh('cd /proc/sys/net/ipv4; cat ip_forward ip_default_ttl ip_nonlocal_bind')).toBe(
      before,
    )
    expect(await host.changed()).toEqual([])
  })
})
