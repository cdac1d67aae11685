import { BlockList, isIPv4 } from 'node:net'

/** True when the address (without prefix length) lies in the CIDR block. */
export function isInside(address: string, block: string): boolean {
  const [network = '', prefix = ''] = block.split('/')
  if (isIPv4(address) !== isIPv4(network)) return false
  const list = new BlockList()
  list.addSubnet(network, Number(prefix), family(network))
  return list.check(address, family(address))
}

/** `192.168.1.7/24` → `192.168.1.7` */
export const withoutPrefix = (address: string): string => address.split('/')[0] ?? address

const family = (address: string): 'ipv4' | 'ipv6' => (isIPv4(address) ? 'ipv4' : 'ipv6')
