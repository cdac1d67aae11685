import { expect, it, test } from 'vitest'
import type { HostItem } from '../../../host/items.ts'
import { factsOf, familyOf } from './facts.ts'
import { readLines } from './lines.ts'
import { parseRecords } from './records.ts'
import { stateOf } from './state.ts'
import { sysctlPath } from './sysctl-path.ts'

const root = 'runner 0\nmanager apt-get\nloads-modules yes\n'
const stateFrom = (item: HostItem, output: string) => {
  const lines = readLines(root + output)
  const { isSo, now, whyNot } = stateOf(item, 0, factsOf(lines), lines)
  return [isSo, now, whyNot]
}
const service: HostItem = { kind: 'service', name: 'libvirtd' }
const forward: HostItem = { kind: 'sysctl', name: 'net.ipv4.ip_forward', value: '1' }
const tun: HostItem = { kind: 'kernel-module', name: 'vhost-net' }
const line: HostItem = {
  kind: 'config-line',
  path: '/etc/x',
  key: 'k',
  value: '"v"',
  separator: ' = ',
  reload: undefined,
}
const unit = (type: string, file: string, active: string) =>
  `unit libvirtd ${type} LoadState=loaded ActiveState=${active} UnitFileState=${file}\n`

test.each<[string, HostItem, string, readonly [boolean, string, string | undefined]]>([
  [
    'a service that runs',
    service,
    `init systemd\n${unit('service', 'enabled', 'active')}`,
    [true, 'running', undefined],
  ],
  [
    'a service that its socket starts',
    service,
    `init systemd\n${unit('service', 'enabled', 'inactive')}${unit('socket', 'enabled', 'active')}`,
    [true, 'running', undefined],
  ],
  [
    'a service that is enabled by its socket',
    service,
    `init systemd\n${unit('service', 'indirect', 'inactive')}${unit('socket', 'enabled', 'active')}`,
    [true, 'running', undefined],
  ],
  [
    'a service that nobody starts',
    service,
    `init systemd\n${unit('service', 'disabled', 'active')}`,
    [false, 'running, not started with the host', undefined],
  ],
  [
    'a masked service',
    service,
    `init systemd\n${unit('service', 'masked', 'inactive')}`,
    [false, 'masked', 'somebody has masked it: `systemctl unmask` first'],
  ],
  [
    'a service that is not there',
    service,
    'init systemd\nunit libvirtd service LoadState=not-found ActiveState=inactive UnitFileState=',
    [false, 'not installed', undefined],
  ],
  [
    'a process without systemd',
    service,
    'init none\nprocess libvirtd\n',
    [true, 'running; start it with the host yourself, there is no systemd', undefined],
  ],
  ['a program that does not run', service, 'init none\nprogram libvirtd\n', [false, 'stopped', undefined]],
  ['a package', { kind: 'package', name: 'acl' }, 'have acl installed\n', [true, 'installed', undefined]],
  [
    'a removed package',
    { kind: 'package', name: 'acl' },
    'have acl config-files\n',
    [false, 'not installed', undefined],
  ],
  [
    'a half installed package',
    { kind: 'package', name: 'acl' },
    'have acl half-configured\n',
    [false, 'half-configured', undefined],
  ],
  [
    'a sysctl that is set and kept',
    forward,
    'sysctl 0 value 1 \nsetting /etc/sysctl.d/9.conf\tnet/ipv4/ip_forward=1\n',
    [true, '1', undefined],
  ],
  [
    'a sysctl that is not kept',
    forward,
    'sysctl 0 value 1 \n',
    [false, '1, not kept over a restart', undefined],
  ],
  [
    'a sysctl that will be set',
    forward,
    'sysctl 0 value 0 \nsetting /a\t-net.ipv4.ip_forward = 1\n',
    [false, '0, 1 from the next start', undefined],
  ],
  [
    'a sysctl of which the last file counts',
    forward,
    'sysctl 0 value 1 \nsetting /a/1.conf\tnet.ipv4.ip_forward = 0\nsetting /a/2.conf\tnet.ipv4.ip_forward = 1\n',
    [true, '1', undefined],
  ],
  [
    'a sysctl that a later file overrules',
    forward,
    'sysctl 0 value 1 \nsetting /etc/sysctl.conf\tnet.ipv4.ip_forward = 0\n',
    [
      false,
      '1, not kept over a restart',
      '/etc/sysctl.conf sets it to 0, after /etc/sysctl.d/60-vmwright.conf',
    ],
  ],
  [
    'a sysctl that the kernel lacks',
    forward,
    'sysctl 0 missing\n',
    [false, 'not there', 'this kernel has no such setting'],
  ],
  ['a module that is built in', tun, 'module 0 builtin\n', [true, 'built in', undefined]],
  ['a module that is kept', tun, 'module 0 loaded\nlisted vhost_net\n', [true, 'loaded', undefined]],
  [
    'a module that is not kept',
    tun,
    'module 0 loaded\n',
    [false, 'loaded, not kept over a restart', undefined],
  ],
  ['a module that can be loaded', tun, 'module 0 available\n', [false, 'not loaded', undefined]],
  [
    'a module in a container',
    tun,
    'module 0 available\ncontainer docker\n',
    [false, 'not loaded', 'modules are loaded outside of this container'],
  ],
  ['a line', line, 'config 0 line k="v"  \n', [true, '"v"', undefined]],
  ['a line with another value', line, 'config 0 line  k = "w"\n', [false, '"w"', undefined]],
  ['no line', line, 'config 0 none\n', [false, 'not set', undefined]],
  [
    'a member',
    { kind: 'group-member', user: 'ann', group: 'kvm' },
    'member 0 yes\n',
    [true, 'member', undefined],
  ],
  [
    'a group that a package will bring',
    { kind: 'group-member', user: 'ann', group: 'kvm' },
    'member 0 no-group\n',
    [false, 'no such group yet', undefined],
  ],
])('K2: sees %s', (_, item, output, state) => {
  expect(stateFrom(item, output)).toEqual(state)
})

it('K2: says what needs root', () => {
  const lines = readLines('runner 1000\nmember 0 no\n')
  const item: HostItem = { kind: 'group-member', user: 'ann', group: 'kvm' }
  expect(stateOf(item, 0, factsOf(lines), lines).whyNot).toContain('it needs root')
})

it('K2: does not guess where the host told nothing', () => {
  expect(() => stateFrom(forward, '')).toThrow('the host told nothing of its sysctl 0')
})

test.each([
  ['debian ', 'debian'],
  ['ubuntu debian', 'debian'],
  ['linuxmint ubuntu debian', 'debian'],
  ['fedora ', 'redhat'],
  ['rocky rhel centos fedora', 'redhat'],
  ['almalinux rhel centos fedora', 'redhat'],
  ['arch ', 'arch'],
  ['manjaro arch', 'arch'],
  ['opensuse-tumbleweed opensuse suse', 'suse'],
  ['sles suse', 'suse'],
  ['alpine ', 'unknown'],
])('K2: os-release %j is of the family %s', (ids, family) => expect(familyOf(ids)).toBe(family))

test.each([
  ['daemon libvirtd 9.0.0\n', { version: '9.0.0', daemons: 'monolithic' }],
  ['daemon virtqemud 10.0.0\n', { version: '10.0.0', daemons: 'modular' }],
  [
    'ids fedora\ndaemon libvirtd 10.0.0\ndaemon virtqemud 10.0.0\n',
    { version: '10.0.0', daemons: 'modular' },
  ],
  [
    'ids arch\ndaemon libvirtd 10.0.0\ndaemon virtqemud 10.0.0\n',
    { version: '10.0.0', daemons: 'monolithic' },
  ],
  [
    'ids fedora\ndaemon libvirtd 10.0.0\ndaemon virtqemud 10.0.0\nuses libvirtd\n',
    { version: '10.0.0', daemons: 'monolithic' },
  ],
  ['', undefined],
])('K2: finds the daemons in %j', (output, libvirt) => {
  expect(factsOf(readLines(output)).libvirt).toEqual(libvirt)
})

test.each([
  ['net.ipv4.ip_forward', 'net/ipv4/ip_forward'],
  ['net/ipv4/ip_forward', 'net/ipv4/ip_forward'],
  ['net.ipv4.conf.eth0/1.forwarding', 'net/ipv4/conf/eth0.1/forwarding'],
  ['net/ipv4/conf/eth0.1/forwarding', 'net/ipv4/conf/eth0.1/forwarding'],
])('K2: the sysctl %s is %s', (name, path) => expect(sysctlPath(name)).toBe(path))

it('K2: reads the record, latest first, and leaves out what is not whole', () => {
  const coded = (text: string) => Buffer.from(text).toString('base64')
  const item = (value: string) => `item {"kind":"sysctl","name":"a.b","value":"${value}"}`
  const text = `record one
${item('1')}
at 100
before value ${coded('0')}
${item('2')}
end
record two
item {"kind":"package","name":"acl"}
at 200
before pulled ${coded('a')}
before pulled ${coded('b')}
end
record cut
${item('3')}
at 300
record foreign
item {"kind":"moon","name":"x"}
at 1
end
`
  expect(parseRecords(text)).toEqual([
    { item: { kind: 'package', name: 'acl' }, atMs: 200, before: { pulled: 'a\nb' } },
    { item: { kind: 'sysctl', name: 'a.b', value: '2' }, atMs: 100, before: { value: '0' } },
  ])
})
