import { expect, it } from 'vitest'
import { instanceSpec, ownNetwork } from '../testing/specs.ts'
import { domainsOf, type GuestLogin, renderEtcHosts, renderKnownHosts, renderSshConfig } from './access.ts'

const web: GuestLogin = {
  name: 'web-1',
  addresses: ['192.168.122.17', 'fd00::17'],
  port: 22,
  user: 'debian',
  hostKeys: ['ssh-ed25519 AAAAone root@web-1', 'ecdsa-sha2-nistp256 AAAAtwo'],
  identityFile: '/home/me/.local/state/vmwright/id_ed25519',
  group: 'web',
  host: 'rack1',
  domains: {},
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

it('K9: renders lines for /etc/hosts, with the domain of each address', () => {
  expect(renderEtcHosts([{ ...web, domains: { '192.168.122.17': 'lab.example' } }, absent])).toBe(
    '192.168.122.17\tweb-1.lab.example web-1\nfd00::17\tweb-1\n',
  )
})

it('K9: an address has the domain of the own network that it is in', () => {
  const networks = [
    ownNetwork('lan'),
    ownNetwork('storage', {
      ipv4: { address: '10.20.0.1', prefix: 24, dhcp: undefined },
      domain: 'storage.example',
    }),
    ownNetwork('unused', {
      ipv4: { address: '10.30.0.1', prefix: 24, dhcp: undefined },
      domain: 'unused.example',
    }),
  ]
  const [nic] = instanceSpec('web-1').interfaces
  const interfaces = [
    { ...nic, network: 'lan' },
    { ...nic, network: 'storage' },
  ] as const
  const addresses = ['10.10.0.7', '10.20.0.7', '10.30.0.7', '192.0.2.1']
  expect(domainsOf({ networks }, { interfaces }, addresses)).toEqual({
    '10.10.0.7': 'lab.example',
    '10.20.0.7': 'storage.example',
  })
})
