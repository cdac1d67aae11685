import { expect, it } from 'vitest'
import { parse } from 'yaml'
import type { GuestLogin } from './access.ts'
import { inventoryList, renderAnsibleInventory } from './inventory.ts'

const web: GuestLogin = {
  name: 'web-1',
  addresses: ['192.168.122.17', 'fd00::17'],
  port: 22,
  user: 'debian',
  hostKeys: ['ssh-ed25519 AAAA'],
  identityFile: '/home/me/.local/share/vmwright/id_ed25519',
  group: 'web',
  host: 'rack-1',
  domains: {},
}
const db: GuestLogin = {
  ...web,
  name: 'db',
  addresses: ['10.0.0.5'],
  port: 2222,
  identityFile: undefined,
  group: 'db',
}
const odd: GuestLogin = { ...db, name: 'odd', group: '2-odd', host: 'rack2' }
const absent: GuestLogin = { ...web, name: 'gone', addresses: [] }
const files = { knownHosts: '/state/known_hosts', project: 'lab' }

const webVariables = {
  ansible_host: '192.168.122.17',
  ansible_port: 22,
  ansible_user: 'debian',
  ansible_ssh_private_key_file: '/home/me/.local/share/vmwright/id_ed25519',
  ansible_ssh_common_args:
    '-o HostKeyAlias=web-1 -o UserKnownHostsFile=/state/known_hosts -o StrictHostKeyChecking=yes',
  vmwright_project: 'lab',
  vmwright_host: 'rack-1',
  vmwright_group: 'web',
  vmwright_addresses: ['192.168.122.17', 'fd00::17'],
}
const groups = {
  web: ['web-1'],
  host_rack_1: ['web-1', 'db'],
  project_lab: ['web-1', 'db', 'odd'],
  _2_odd: ['odd'],
  host_rack2: ['odd'],
}

it('K9: lists guests for Ansible with all their variables, by group, host and project', () => {
  const list = inventoryList([web, db, odd, absent], files)
  expect(Object.keys(list._meta.hostvars)).toEqual(['web-1', 'db', 'odd'])
  expect(list._meta.hostvars['web-1']).toEqual(webVariables)
  expect(list._meta.hostvars['db']).not.toHaveProperty('ansible_ssh_private_key_file')
  expect(list['all']).toEqual({ children: Object.keys(groups) })
  for (const [group, hosts] of Object.entries(groups)) expect(list[group]).toEqual({ hosts })
})

it('K9: has no group with the name of a guest, of which Ansible warns', () => {
  expect(inventoryList([db], files)).not.toHaveProperty('db')
})

it('K9: is what it was in YAML too', () => {
  const { all } = parse(renderAnsibleInventory([web, db, odd, absent], files)) as {
    readonly all: { readonly hosts: object; readonly children: Record<string, { readonly hosts: object }> }
  }
  expect(all.hosts).toHaveProperty('web-1', webVariables)
  expect(
    Object.fromEntries(Object.entries(all.children).map(([group, { hosts }]) => [group, Object.keys(hosts)])),
  ).toEqual(groups)
})

it('K9: paths with blanks and per cent reach ssh as they are', () => {
  const list = inventoryList([web], { ...files, knownHosts: "/home/me/100% o'mine/known_hosts" })
  expect(list._meta.hostvars['web-1']?.['ansible_ssh_common_args']).toContain(
    `-o UserKnownHostsFile='"/home/me/100%% o'\\''mine/known_hosts"' -o`,
  )
})

it('K9: nobody there is an inventory too', () => {
  expect(inventoryList([], files)).toEqual({ _meta: { hostvars: {} }, all: { children: [] } })
})
