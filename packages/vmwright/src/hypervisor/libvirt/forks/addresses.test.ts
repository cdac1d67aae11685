import { expect, it } from 'vitest'
import { parseXml } from '../../../lib/xml.ts'
import { cardsByNetwork, chooseAddresses, dhcpServerOf } from './addresses.ts'

const network = (inner: string) =>
  parseXml(`<network><name>lab</name><bridge name='virbr7'/>${inner}</network>`)

const server = `<ip family='ipv6' address='fd00::1' prefix='64'><dhcp><range start='fd00::2' end='fd00::9'/></dhcp></ip>
  <ip address='192.0.2.1' netmask='255.255.255.0'><dhcp>
    <range start='192.0.2.2' end='192.0.2.20'/>
    <host mac='52:54:00:AA:00:01' name='db' ip='192.0.2.9'/>
  </dhcp></ip>`

it('X9: the DHCP server of a network is known by its own address, with what it keeps for others', () => {
  expect(dhcpServerOf(network(server))).toEqual({
    bridge: 'virbr7',
    address: '192.0.2.1',
    range: { from: '192.0.2.2', to: '192.0.2.20' },
    taken: ['192.0.2.1', '192.0.2.9'],
    reservedFor: new Set(['52:54:00:aa:00:01']),
  })
})

it.each([
  ['without addresses', ''],
  ['without DHCP', "<ip address='192.0.2.1' prefix='24'/>"],
  [
    'with reservations alone',
    "<ip address='192.0.2.1'><dhcp><host mac='52:54:00:00:00:09' ip='192.0.2.9'/></dhcp></ip>",
  ],
  [
    'with IPv6 alone',
    "<ip family='ipv6' address='fd00::1'><dhcp><range start='fd00::2' end='fd00::9'/></dhcp></ip>",
  ],
])('X9: on a network %s the server is left to choose', (_what, inner) => {
  expect(dhcpServerOf(network(inner))).toBeUndefined()
})

const range = (from: string, to: string) => ({ range: { from, to } })
const mac = '52:54:00:00:00:00' // its number is a multiple of 4: the first of such ranges

it.each([
  ['in order', range('192.0.2.4', '192.0.2.7'), [], ['4', '5', '6', '7']],
  ['without those that are taken', range('192.0.2.4', '192.0.2.7'), ['192.0.2.5'], ['4', '6', '7']],
  ['over an end of the numbers', range('192.0.1.254', '192.0.2.1'), [], ['254', '1']],
  ['none of a range that is full', range('192.0.2.4', '192.0.2.4'), ['192.0.2.4'], []],
])('X9: addresses are chosen %s', (_what, of, taken, last) => {
  const chosen = chooseAddresses(of, new Set(taken), [mac])
  expect(chosen.map((address) => address.split('.').at(-1))).toEqual(last)
})

it('X9: there are some more addresses than cards, and other cards begin elsewhere', () => {
  const of = range('192.0.2.2', '192.0.2.254')
  const [one, two] = ['52:54:00:00:00:01', '52:54:00:00:00:79'].map((each) =>
    chooseAddresses(of, new Set(), [each]),
  )
  expect(one).toHaveLength(9)
  expect(two?.[0]).not.toBe(one?.[0])
})

it('X9: each card is on the network of the card that it is a copy of', () => {
  const domain = parseXml(`<domain><devices>
    <interface type='network'><mac address='52:54:00:00:00:01'/><source network='lab'/></interface>
    <interface type='bridge'><mac address='52:54:00:00:00:02'/><source bridge='br0'/></interface>
  </devices></domain>`)
  const cards = ['01', '02'].flatMap((last) => [
    { from: `52:54:00:00:00:${last}`, to: `52:54:00:00:01:${last}` },
    { from: `52:54:00:00:00:${last}`, to: `52:54:00:00:02:${last}` },
  ])
  expect([...cardsByNetwork(domain, cards)]).toEqual([['lab', ['52:54:00:00:01:01', '52:54:00:00:02:01']]])
})
