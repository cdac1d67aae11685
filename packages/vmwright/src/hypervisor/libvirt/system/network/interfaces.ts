import { z } from 'zod'
import type { HostInterface, HostRoute } from '../../../host/network.ts'

const link = z.object({
  ifname: z.string(),
  flags: z.array(z.string()),
  link_type: z.string(),
  address: z.string().optional(),
  master: z.string().optional(),
  linkinfo: z
    .object({
      info_kind: z.string().optional(),
      info_data: z.object({ type: z.string().optional() }).optional(),
    })
    .optional(),
  addr_info: z.array(z.object({ local: z.string().optional(), prefixlen: z.number().optional() })).optional(),
})

const routes = z.array(
  z.object({
    dst: z.string(),
    gateway: z.string().optional(),
    via: z.object({ host: z.string() }).optional(),
    dev: z.string().optional(),
    nexthops: z.array(z.object({ gateway: z.string().optional(), dev: z.string().optional() })).optional(),
  }),
)

/** `ip -d -j addr show`. Throws for what is not that. */
export const parseInterfaces = (lines: readonly string[]): readonly HostInterface[] =>
  z
    .array(link)
    .parse(arrayOf(lines))
    .map((each) => ({
      name: each.ifname,
      mac: each.link_type === 'ether' ? each.address?.toLowerCase() : undefined,
      kind: kindOf(each),
      isUp: each.flags.includes('UP'),
      master: each.master,
      addresses: (each.addr_info ?? []).flatMap(({ local, prefixlen }) =>
        local === undefined || prefixlen === undefined ? [] : [`${local}/${prefixlen}`],
      ),
    }))

/** Some versions of iproute2 write an empty object for each link that they leave out. */
function arrayOf(lines: readonly string[]): readonly unknown[] {
  const all = z.array(z.record(z.string(), z.unknown())).parse(JSON.parse(lines.join('\n') || '[]'))
  return all.filter((each) => Object.keys(each).length > 0)
}

/** What has hardware, or that of a virtual machine, below it has no kind of link. */
function kindOf({ link_type: type, linkinfo }: z.infer<typeof link>): HostInterface['kind'] {
  if (type === 'loopback') return 'loopback'
  switch (linkinfo?.info_kind) {
    case undefined:
      return type === 'ether' ? 'physical' : 'other'
    case 'bridge':
    case 'vlan':
    case 'bond':
      return linkinfo.info_kind
    case 'tun':
      return linkinfo.info_data?.type === 'tun' ? 'other' : 'tap'
    default:
      return 'other'
  }
}

/** `ip -j route show` of the main table. Throws for what is not that. */
export const parseRoutes = (lines: readonly string[], family: 'v4' | 'v6'): readonly HostRoute[] =>
  routes.parse(arrayOf(lines)).flatMap(({ dst, gateway, via, dev, nexthops = [] }) => {
    const hops = nexthops.length > 0 ? nexthops : [{ gateway: gateway ?? via?.host, dev }]
    return hops.map((hop) => ({ to: blockOf(dst, family), via: hop.gateway, interface: hop.dev }))
  })

/** As CIDR block: `ip` writes `default`, and single addresses without a length. */
export function blockOf(to: string, family: 'v4' | 'v6'): string {
  if (to === 'default') return family === 'v4' ? '0.0.0.0/0' : '::/0'
  return to.includes('/') ? to : `${to}/${family === 'v4' ? 32 : 128}`
}
