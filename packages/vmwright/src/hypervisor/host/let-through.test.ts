import { expect, it } from 'vitest'
import { letThrough } from './let-through.ts'
import type { HostFirewall } from './network.ts'

const free: HostFirewall = { backend: 'nftables', managers: [], dropsForwarded: false }

it.each<[string, Partial<HostFirewall>, readonly string[], readonly string[]]>([
  ['nobody filters', {}, [], []],
  ['Docker filters with iptables, as we do', { backend: 'iptables', managers: ['docker'] }, [], []],
  ['ufw filters with iptables, as we do', { backend: 'iptables', managers: ['ufw'] }, [], []],
  [
    'ufw denies and forwards',
    { managers: ['ufw'] },
    [],
    [
      'ufw allow in on vw-lab to any port 67 proto udp',
      'ufw allow in on vw-lab to any port 53',
      'ufw route allow in on vw-lab',
      'ufw route allow out on vw-lab',
    ],
  ],
  [
    'firewalld rejects',
    { managers: ['firewalld'], dropsForwarded: true },
    [],
    ['firewall-cmd --permanent --zone=libvirt --add-interface=vw-lab', 'firewall-cmd --reload'],
  ],
  [
    'firewalld rejects who may begin connections',
    { managers: ['firewalld'], dropsForwarded: true },
    ['192.0.2.0/24'],
    [
      'firewall-cmd --permanent --zone=libvirt --add-interface=vw-lab',
      'firewall-cmd --permanent --new-policy=vmwright-vw-lab',
      'firewall-cmd --permanent --policy=vmwright-vw-lab --add-ingress-zone=ANY --add-egress-zone=libvirt --set-target=ACCEPT',
      'firewall-cmd --reload',
    ],
  ],
])('K6: says what to run where %s', (_, change, from, commands) => {
  const all = letThrough({ ...free, ...change }, { bridge: 'vw-lab', from })
  expect(all.flatMap((each) => each.commands)).toEqual(commands)
})

it('K6: says that somebody drops, where nobody knows who', () => {
  const all = letThrough({ ...free, dropsForwarded: true }, { bridge: 'vw-lab', from: [] })
  expect(all).toMatchObject([{ by: 'other', commands: [] }])
})
