import { expect, it } from 'vitest'
import { parse } from 'yaml'
import {
  type GuestLogin,
  renderAnsibleInventory,
  renderEtcHosts,
  renderKnownHosts,
  renderRouteHint,
  renderSshConfig,
} from './access.ts'

const web: GuestLogin = {
  name: 'web-1',
  addresses: ['192.168.122.17', 'fd00::17'],
  port: 22,
  user: 'debian',
  hostKeys: ['ssh-ed25519 AAAAone root@web-1', 'ecdsa-sha2-nistp256 AAAAtwo'],
  identityFile: '/home/me/.local/state/vmwright/id_ed25519',
  group: 'web',
}
const odd: GuestLogin = {
  ...web,
  name: 'db',
  addresses: ['10.0.0.5'],
  port: 2222,
  identityFile: undefined,
  group: '2-db',
}
const absent: GuestLogin = { ...web, name: 'gone', addresses: [] }
const files = { knownHosts: '/home/me/100% mine/known_hosts' }

it('K9: renders an ssh_config that only trusts the injected keys', () => {
  expect(renderSshConfig([web, absent], files)).toBe(`Host web-1
  HostName 192.168.122.17
  Port 22
  User debian
  HostKeyAlias web-1
  UserKnownHostsFile "/home/me/100%% mine/known_hosts"
  StrictHostKeyChecking yes
  IdentityFile "/home/me/.local/state/vmwright/id_ed25519"
  IdentitiesOnly yes
`)
})

it('K9, X6: renders a known_hosts with the name and every address of a guest', () => {
  expect(renderKnownHosts([web, odd])).toBe(
    [
      'web-1,192.168.122.17,fd00::17 ssh-ed25519 AAAAone',
      'web-1,192.168.122.17,fd00::17 ecdsa-sha2-nistp256 AAAAtwo',
      'db,[10.0.0.5]:2222 ssh-ed25519 AAAAone',
      'db,[10.0.0.5]:2222 ecdsa-sha2-nistp256 AAAAtwo',
      '',
    ].join('\n'),
  )
})

it('K9: renders an Ansible inventory by group', () => {
  expect(parse(renderAnsibleInventory([web, odd, absent], { knownHosts: '/state/known_hosts' }))).toEqual({
    all: {
      children: {
        web: {
          hosts: {
            'web-1': {
              ansible_host: '192.168.122.17',
              ansible_port: 22,
              ansible_user: 'debian',
              ansible_ssh_private_key_file: '/home/me/.local/state/vmwright/id_ed25519',
              ansible_ssh_common_args:
                '-o HostKeyAlias=web-1 -o UserKnownHostsFile=/state/known_hosts -o StrictHostKeyChecking=yes',
            },
          },
        },
        _2_db: {
          hosts: {
            db: {
              ansible_host: '10.0.0.5',
              ansible_port: 2222,
              ansible_user: 'debian',
              ansible_ssh_common_args:
                '-o HostKeyAlias=db -o UserKnownHostsFile=/state/known_hosts -o StrictHostKeyChecking=yes',
            },
          },
        },
      },
    },
  })
})

it('K9: renders lines for /etc/hosts', () => {
  expect(renderEtcHosts([web, absent])).toBe('192.168.122.17\tweb-1\nfd00::17\tweb-1\n')
})

it('K9: renders the route that a client has to add', () => {
  expect(renderRouteHint('rack1.example', ['192.168.122.0/24', 'fd00::/64']).split('\n').slice(1)).toEqual([
    'sudo ip route add 192.168.122.0/24 via rack1.example',
    'sudo ip -6 route add fd00::/64 via rack1.example',
    '',
  ])
  expect(renderRouteHint('rack1.example', [])).toBe('')
})
