import { expect, it } from 'vitest'
import type { InterfaceSpec } from '../spec/resolved.ts'
import { type Ethernet, networkConfig } from './network-config.ts'
import { cloneSpec } from '../testing/specs.ts'
import { dhcpInterface, exampleInterface } from './testing.ts'

const ethernets = (...nics: [InterfaceSpec, ...InterfaceSpec[]]): Readonly<Record<string, Ethernet>> =>
  networkConfig({ interfaces: nics, source }).ethernets

const source = { kind: 'image', id: 'debian-12', customise: undefined } as const

it('C8: a static address with gateway and name servers, matched by MAC and not renamed', () => {
  const nic = { ...exampleInterface, mac: '52:54:00:AA:BB:CC', search: ['lab.example'] }
  expect(networkConfig({ interfaces: [nic], source })).toEqual({
    version: 2,
    ethernets: {
      NIC0: {
        match: { macaddress: '52:54:00:aa:bb:cc' },
        dhcp4: false,
        dhcp6: false,
        addresses: ['192.168.24.121/24'],
        gateway4: '192.168.24.1',
        nameservers: { addresses: ['1.1.1.1', '8.8.8.8'], search: ['lab.example'] },
      },
    },
  })
})

it('C8: IPv4 and IPv6 side by side', () => {
  const nic = { ...exampleInterface, addresses: ['192.168.24.121/24', 'fd00::7/64'], gateway6: 'fd00::1' }
  expect(ethernets(nic)['NIC0']).toMatchObject({
    addresses: ['192.168.24.121/24', 'fd00::7/64'],
    gateway4: '192.168.24.1',
    gateway6: 'fd00::1',
  })
})

it('C8: DHCP has no addresses, gateways or name servers of ours', () => {
  expect(ethernets(dhcpInterface)['NIC0']).toEqual({
    match: { macaddress: dhcpInterface.mac },
    dhcp4: true,
    dhcp6: false,
  })
})

it('T5: a clone is known to the DHCP server by its MAC, not by the machine-id of its template', () => {
  const clone = cloneSpec('web-1', { interfaces: [dhcpInterface, exampleInterface] })
  const { NIC0, NIC1 } = networkConfig(clone).ethernets
  expect([NIC0?.['dhcp-identifier'], NIC1?.['dhcp-identifier']]).toEqual(['mac', undefined])
})

it('C8: a name is set only when the spec asks for it', () => {
  expect(ethernets({ ...dhcpInterface, rename: 'lan0' })['NIC0']?.['set-name']).toBe('lan0')
})

it('C8: boot waits for the first interface with an address and for no other', () => {
  const silent = { ...dhcpInterface, dhcp4: false }
  const all = ethernets(silent, exampleInterface, dhcpInterface)
  expect(Object.values(all).map((nic) => nic.optional)).toEqual([true, undefined, true])
})

it('C8: fallback names have the same settings, are optional and sort after the interface matched by MAC', () => {
  const all = ethernets({ ...exampleInterface, fallbackNames: ['ens3', 'eth0'] })
  expect(Object.keys(all)).toEqual(['NIC0', 'ens3', 'eth0'])
  const { match: _, ...settings } = all['NIC0'] ?? { dhcp4: false, dhcp6: false }
  expect(all['ens3']).toEqual({ ...settings, optional: true })
  const files = Object.keys(all).map((id) => `10-netplan-${id}.network`)
  expect(files.toSorted()[0]).toBe('10-netplan-NIC0.network')
})

it('C8: fallback names are not used where they could hit the wrong one of several interfaces', () => {
  const all = ethernets({ ...exampleInterface, fallbackNames: ['ens3'] }, dhcpInterface)
  expect(Object.keys(all)).toEqual(['NIC0', 'NIC1'])
})

it('C8: a fallback name equal to the wanted name is not configured twice', () => {
  const all = ethernets({ ...exampleInterface, rename: 'ens3', fallbackNames: ['ens3', 'eth0'] })
  expect(Object.keys(all)).toEqual(['NIC0', 'eth0'])
})
