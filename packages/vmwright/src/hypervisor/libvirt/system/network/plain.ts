import type { HostInterface, HostRoute } from '../../../host/network.ts'
import { blockOf } from './interfaces.ts'

const kinds: readonly HostInterface['kind'][] = [
  'physical',
  'bridge',
  'vlan',
  'bond',
  'tap',
  'loopback',
  'other',
]
const flagUp = 1

/** `name kind flags master mac` of /sys, and `ip -o addr show`. */
export const parsePlainInterfaces = (
  links: readonly string[],
  addresses: readonly string[],
): readonly HostInterface[] =>
  links.map((line) => {
    const [name = '', kind, flags, master, mac] = line.split(' ')
    const isEther = mac !== undefined && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) && kind !== 'loopback'
    return {
      name,
      mac: isEther ? mac : undefined,
      kind: kinds.find((each) => each === kind) ?? 'other',
      isUp: (Number(flags) & flagUp) !== 0,
      master: master === '-' ? undefined : master,
      addresses: addresses.flatMap((text) => {
        const [, owner, address] = /^\d+: (\S+)\s+inet6? (\S+\/\d+) /.exec(`${text} `) ?? []
        return owner?.split('@')[0] === name && address !== undefined ? [address] : []
      }),
    }
  })

/** `ip route show`; routes that lead nowhere (`unreachable`, `blackhole`) have their kind before the block. */
export const parsePlainRoutes = (lines: readonly string[], family: 'v4' | 'v6'): readonly HostRoute[] =>
  lines
    .filter((line) => /^\S/.test(line))
    .map((line) => {
      const words = line.split(/\s+/)
      const after = (word: string): string | undefined => {
        const at = words.indexOf(word)
        return at === -1 ? undefined : words[at + 1]
      }
      const to = words.find((word) => word === 'default' || /^[0-9a-f.:]+(\/\d+)?$/i.test(word)) ?? ''
      return { to: blockOf(to, family), via: after('via'), interface: after('dev') }
    })
