import { describe, expect, it, test } from 'vitest'
import { uriOf } from './host-variables.ts'
import { loadSound, problemLines } from './testing/load.ts'

const spec = (inventory: string, more = ''): string =>
  `version: 1\nproject: demo\nhostInventory: ${inventory}\n${more}`

const uris = async (...parameters: Parameters<typeof loadSound>): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries((await loadSound(...parameters)).hosts.map(({ name, uri }) => [name, uri]))

const ini = `lonely ansible_connection=local
[vmhost]
rack[1:2] ansible_user=root
rack3 ansible_host=10.0.0.3 ansible_port=2222 ansible_ssh_private_key_file=keys/id
[vmhost:vars]
vmwright_parallel=8
vmwright_acceleration=prefer-kvm
[racks:children]
vmhost
`

const yaml = `all:
  hosts:
    lonely: { ansible_connection: local }
  children:
    racks:
      children:
        vmhost:
          hosts:
            rack[1:2]: { ansible_user: root }
            rack3: { ansible_host: 10.0.0.3, ansible_port: 2222, ansible_ssh_private_key_file: keys/id }
          vars: { vmwright: { parallel: 8, acceleration: prefer-kvm } }
`

describe('K12: hosts of an Ansible inventory', () => {
  test.each([
    ['INI', 'inventory.ini', ini],
    ['YAML', 'inventory.yml', yaml],
    ['INI without extension', 'hosts', ini],
  ])('K12: %s', async (_form, name, text) => {
    const { hosts } = await loadSound(spec(`{ file: inventory/${name}, group: racks }`), {
      [`/specs/inventory/${name}`]: text,
    })
    expect(hosts.map((each) => [each.name, each.uri, each.parallel, each.acceleration])).toEqual([
      ['rack1', 'qemu+ssh://root@rack1/system', 8, 'prefer-kvm'],
      ['rack2', 'qemu+ssh://root@rack2/system', 8, 'prefer-kvm'],
      ['rack3', 'qemu+ssh://10.0.0.3:2222/system?keyfile=/specs/inventory/keys/id', 8, 'prefer-kvm'],
    ])
  })

  it('K12: without a group all hosts are meant, one with a local connection by its socket', async () => {
    expect(await uris(spec('{ file: /inv }'), { '/inv': ini })).toMatchObject({ lonely: 'qemu:///system' })
  })

  it('K12: a folder has inventories, and variables of hosts and groups; each host has its own', async () => {
    const { hosts } = await loadSound(spec('{ file: inv, group: vmhost }'), {
      '/specs/inv/01-hosts.yml': 'vmhost: { hosts: { a: {}, b: {}, c: {} } }\n',
      '/specs/inv/02-more': '[vmhost]\nd\n',
      '/specs/inv/group_vars/all.yml': 'ansible_user: "{{ team }}"\nteam: ops\nvmwright_parallel: 2\n',
      '/specs/inv/group_vars/vmhost/main.yml': 'vmwright: { repairAccess: true }\nvmwright_parallel: 3\n',
      '/specs/inv/host_vars/b.yml': 'ansible_host: "{{ inventory_hostname }}.lan"\nvmwright_parallel: 4\n',
      '/specs/inv/host_vars/c/net.yml': 'vmwright_image_cache: /srv/cache\n',
      '/specs/inv/README.md': 'no inventory\n',
      '/specs/inv/.git/config': 'none either\n',
    })
    expect(hosts.map((each) => [each.name, each.uri, each.parallel, each.repairAccess])).toEqual([
      ['a', 'qemu+ssh://ops@a/system', 3, true],
      ['b', 'qemu+ssh://ops@b.lan/system', 4, true],
      ['c', 'qemu+ssh://ops@c/system', 3, true],
      ['d', 'qemu+ssh://ops@d/system', 3, true],
    ])
    expect(hosts[2]?.imageCachePath).toBe('/srv/cache')
  })

  it('K12: `settings` < inventory < `hosts`, field by field', async () => {
    const { hosts } = await loadSound(
      spec(
        '{ file: inv, settings: { parallel: 1, acceleration: emulate, repairAccess: true } }',
        'hosts: { a: { parallel: 9 }, own: { uri: "qemu+ssh://own/system" } }\n',
      ),
      { '/specs/inv': '[x]\na vmwright_parallel=5 vmwright_acceleration=prefer-kvm\n' },
    )
    expect(
      hosts.map((each) => [each.name, each.uri, each.parallel, each.acceleration, each.repairAccess]),
    ).toEqual([
      ['a', 'qemu+ssh://a/system', 9, 'prefer-kvm', true],
      ['own', 'qemu+ssh://own/system', 4, 'require-kvm', false],
    ])
  })

  it('K12: instances are placed on hosts of the inventory', async () => {
    const { instances } = await loadSound(
      spec('{ file: inv }', 'instances: { web: { image: debian-12, host: b } }\n'),
      { '/specs/inv': '[x]\na\nb\n' },
    )
    expect(instances[0]?.host).toBe('b')
  })

  test.each([
    ['{user}@', 'qemu+ssh://{user}@{host}:{port}/system', {}, 'qemu+ssh://h/system'],
    [
      'all',
      'qemu+ssh://{user}@{host}:{port}/session',
      { user: 'me', port: '22' },
      'qemu+ssh://me@h:22/session',
    ],
    ['TLS, which has no key file', 'qemu+tls://{name}/system', { keyFile: '/k' }, 'qemu+tls://n/system'],
    [
      'a key file',
      'qemu+ssh://{host}/system?socket=/s',
      { keyFile: '/k y' },
      'qemu+ssh://h/system?socket=/s&keyfile=/k%20y',
    ],
    ['IPv6', 'qemu+ssh://{host}/system', { host: 'fd00::1' }, 'qemu+ssh://[fd00::1]/system'],
    [
      'a user with signs',
      'qemu+ssh://{user}@{host}/system',
      { user: 'a@b/c' },
      'qemu+ssh://a%40b%2Fc@h/system',
    ],
  ])('K12: a URI of %s', (_what, pattern, parts, uri) => {
    const all = { name: 'n', host: 'h', user: undefined, port: undefined, keyFile: undefined, ...parts }
    expect(uriOf(pattern, all)).toBe(uri)
  })

  it('K12: an IPv6 address is a host', async () => {
    expect(await uris(spec('{ file: inv }'), { '/specs/inv': '[x]\na ansible_host=fd00::1\n' })).toEqual({
      a: 'qemu+ssh://[fd00::1]/system',
    })
  })

  test.each<[string, string, Readonly<Record<string, string>>, string]>([
    ['no file', '{ file: inv }', {}, 'vmwright.yaml:3:24: hostInventory.file: there is no inventory inv'],
    [
      'a group that is not there',
      '{ file: inv, group: vmhots }',
      { inv: '[vmhost]\na\n' },
      'vmwright.yaml:3:36: hostInventory.group: is not a group of the inventory (Did you mean `vmhost`?',
    ],
    ['no hosts', '{ file: inv }', { inv: '[x]\n' }, 'vmwright.yaml:3:24: hostInventory.file: has no hosts'],
    ['a bad section', '{ file: inv }', { inv: 'a\n  [x\n' }, 'inv:2:3: is not a section of an inventory'],
    [
      'a word without value',
      '{ file: inv.ini }',
      { 'inv.ini': '[x]\na b=1 c4nary\n' },
      'inv.ini:2:7: has a word that is no `name=value`',
    ],
    ['variables alone', '{ file: inv.yml }', { 'inv.yml': 'a: 1\n' }, 'inv.yml:1:1: is not an inventory'],
    ['broken YAML', '{ file: inv.yml }', { 'inv.yml': 'a: 1\nb: "c4nary' }, 'inv.yml:2:'],
    [
      'a setting that is not known',
      '{ file: inv.ini }',
      { 'inv.ini': '[x]\na vmwright_paralel=3\n' },
      'inv.ini:2:3: hosts.a.paralel: is not a field of the spec',
    ],
    [
      'a setting of a wrong type',
      '{ file: i.yml }',
      { 'i.yml': 'x:\n  hosts:\n    a:\n      vmwright_parallel: many\n' },
      'i.yml:4:7: hosts.a.parallel: must be',
    ],
    [
      'a URI that is none',
      '{ file: inv.ini, uri: "{host}" }',
      { 'inv.ini': '[x]\na ansible_host=10.0.0.1\n' },
      'inv.ini:2:3: hosts.a.uri: must be the URI of a hypervisor',
    ],
    [
      'an encrypted value',
      '{ file: i.yml }',
      { 'i.yml': 'x:\n  hosts:\n    a:\n      ansible_host: !vault c4nary\n' },
      'i.yml:4:7: `ansible_host` is encrypted by ansible-vault, so not read',
    ],
    [
      'an expression that nobody resolves',
      '{ file: i.yml }',
      { 'i.yml': "x: { hosts: { a: { ansible_host: '{{ c4nary }}' } } }\n" },
      'i.yml:1:20: `ansible_host` cannot be resolved',
    ],
    [
      'a mapping that is none',
      '{ file: i.ini }',
      { 'i.ini': '[x]\na vmwright=c4nary\n' },
      'i.ini:2:3: `vmwright` must be a mapping',
    ],
  ])('K12: %s is told at its place, without the text', async (_what, inventory, files, line) => {
    const absolute = Object.fromEntries(Object.entries(files).map(([name, text]) => [`/specs/${name}`, text]))
    const lines = await problemLines(spec(inventory), absolute)
    expect(lines[0]).toContain(line)
    expect(lines.filter((each) => each.includes('c4nary') && !each.includes('cannot be resolved'))).toEqual(
      [],
    )
  })
})
