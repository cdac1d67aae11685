import type { Family } from './change.ts'

/** What a host says about an interface and the bridge that is to be over it. */
export interface BridgeFacts {
  /** Programs that the host has. */
  readonly tools: ReadonlySet<string>
  /** `undefined`: the host has no such interface. */
  readonly port: PortFacts | undefined
  /** `taken`: something that is no bridge has the name. */
  readonly bridge: { readonly ports: readonly string[] } | 'taken' | undefined
  /** Of the bridge when the interface is in it, else of the interface. */
  readonly addresses: readonly AddressFacts[]
  readonly routes: readonly RouteFacts[]
  readonly networkd: NetworkdFacts | undefined
  readonly networkManager: NetworkManagerFacts | undefined
  readonly netplanFiles: readonly ConfigFile[]
  readonly ifupdownFiles: readonly ConfigFile[]
  /** What was made by us, as text. */
  readonly record: string | undefined
  /** Runs that have not ended. */
  readonly runs: readonly { readonly kind: 'live' | 'stale'; readonly folder: string }[]
}

export interface PortFacts {
  readonly mac: string
  readonly mtu: number
  readonly type: 'ethernet' | 'vlan' | 'bond' | 'bridge' | 'loopback' | 'other'
  readonly isWireless: boolean
  readonly master: string | undefined
}

export interface AddressFacts {
  readonly family: Family
  /** With prefix length. */
  readonly address: string
  readonly broadcast: string | undefined
  /** It stays until somebody takes it away; false where it comes from router advertisements. */
  readonly isLasting: boolean
}

export interface RouteFacts {
  readonly family: Family
  readonly to: string
  readonly via: string | undefined
  /** From router advertisements. */
  readonly isAdvertised: boolean
  /** As `ip route` takes it, without the device. */
  readonly words: readonly string[]
}

export interface ConfigFile {
  readonly path: string
  readonly mode: '644' | '600'
  readonly content: Uint8Array
}

export interface NetworkdFacts {
  readonly state: string
  /** The `.network` file that it took, then its drop-ins. */
  readonly files: readonly ConfigFile[]
  /** Client identifier of its lease, in hexadecimal. */
  readonly clientId: string | undefined
}

export interface NetworkManagerFacts {
  /** `NMDeviceState`; 10 is unmanaged. */
  readonly state: number
  readonly uuid: string
  readonly settings: ReadonlyMap<string, string>
}

/** Reads the output of `factsScript`. Throws `SyntaxError` where it is cut short. */
export function parseFacts(output: string): BridgeFacts {
  const lines = output.split('\n').map((line): readonly [string, string] => {
    const [kind = ''] = line.split(' ', 1)
    return [kind, line.slice(kind.length + 1)]
  })
  const all = (kind: string): readonly string[] =>
    lines.filter(([name]) => name === kind).map(([, rest]) => rest)
  const first = (kind: string): string | undefined => all(kind)[0]
  const files = (owner: string): readonly ConfigFile[] =>
    all('file').flatMap((line) => {
      const [role, mode, path = '', content = ''] = line.split(' ')
      return role === owner ? [{ path: text(path), mode: modeOf(mode), content: bytes(content) }] : []
    })
  const there = first('there')
  const ports = first('bridge')
  const record = first('record')
  return {
    tools: new Set(all('tool')),
    port:
      there === undefined ? undefined : portOf(first('link') ?? '[]', there, first('wireless') !== undefined),
    bridge:
      first('taken') !== undefined
        ? 'taken'
        : ports === undefined
          ? undefined
          : { ports: ports.split(' ').filter((name) => name !== '') },
    addresses: addressesOf(first('address') ?? '[]'),
    routes: [...routesOf('-4', first('route4') || '[]'), ...routesOf('-6', first('route6') || '[]')],
    networkd: networkdOf(first('networkd'), files('networkd'), first('lease')),
    networkManager: networkManagerOf(first('nm'), all('nm-setting')),
    netplanFiles: files('netplan'),
    ifupdownFiles: uniqueBy(files('ifupdown'), ({ path }) => path),
    record: record === undefined ? undefined : text(record),
    runs: [
      ...all('live').map((folder) => run('live', folder)),
      ...all('stale').map((folder) => run('stale', folder)),
    ],
  }
}

const run = (kind: 'live' | 'stale', folder: string): BridgeFacts['runs'][number] => ({ kind, folder })
const bytes = (coded: string): Uint8Array => new Uint8Array(Buffer.from(coded, 'base64'))
const text = (coded: string): string => Buffer.from(coded, 'base64').toString()
const modeOf = (mode: string | undefined): ConfigFile['mode'] =>
  mode?.endsWith('00') === true ? '600' : '644'

const uniqueBy = <T>(items: readonly T[], key: (item: T) => string): readonly T[] => [
  ...new Map(items.map((item) => [key(item), item])).values(),
]

/** Fields of `ip -json` that are read here (iproute2, `ip/ipaddress.c` and `ip/iproute.c`). */
interface LinkJson {
  readonly address?: string
  readonly mtu?: number
  readonly link_type?: string
  readonly linkinfo?: { readonly info_kind?: string }
}

function portOf(json: string, master: string, isWireless: boolean): PortFacts {
  const [link = {}] = JSON.parse(json) as readonly LinkJson[]
  const kind = link.linkinfo?.info_kind
  return {
    mac: link.address ?? '',
    mtu: link.mtu ?? 1500,
    type:
      link.link_type === 'loopback'
        ? 'loopback'
        : kind === 'vlan' || kind === 'bond' || kind === 'bridge'
          ? kind
          : link.link_type === 'ether' && (kind === undefined || kind === 'veth')
            ? 'ethernet'
            : 'other',
    isWireless,
    master: master === '' ? undefined : master,
  }
}

interface AddressJson {
  readonly family: string
  readonly local: string
  readonly prefixlen: number
  readonly broadcast?: string
  readonly scope?: string
  readonly dynamic?: boolean
}

function addressesOf(json: string): readonly AddressFacts[] {
  const [device] = JSON.parse(json) as readonly { readonly addr_info?: readonly AddressJson[] }[]
  return (device?.addr_info ?? [])
    .filter(({ scope }) => scope === 'global')
    .map(({ family, local, prefixlen, broadcast, dynamic }) => ({
      family: family === 'inet6' ? '-6' : '-4',
      address: `${local}/${prefixlen}`,
      broadcast,
      isLasting: family === 'inet' || dynamic !== true,
    }))
}

interface RouteJson {
  readonly type?: string
  readonly dst: string
  readonly gateway?: string
  readonly via?: { readonly family: string; readonly host: string }
  readonly table?: string
  readonly protocol?: string
  readonly scope?: string
  readonly metric?: number
  readonly prefsrc?: string
  readonly flags?: readonly string[]
}

/** Those that the kernel does not make by itself, in an order in which each finds its gateway. */
function routesOf(family: Family, json: string): readonly RouteFacts[] {
  return (JSON.parse(json) as readonly RouteJson[])
    .filter(
      ({ type, table, protocol }) =>
        (type === undefined || type === 'unicast') && table !== 'local' && protocol !== 'kernel',
    )
    .toSorted((a, b) => Number(a.gateway !== undefined) - Number(b.gateway !== undefined))
    .map((route) => ({
      family,
      to: route.dst,
      via: route.gateway ?? route.via?.host,
      isAdvertised: route.protocol === 'ra',
      words: [
        route.dst,
        ...(route.gateway === undefined ? [] : ['via', route.gateway]),
        ...(route.via === undefined ? [] : ['via', route.via.family, route.via.host]),
        ...(['table', 'protocol', 'scope', 'metric'] as const).flatMap((key) =>
          route[key] === undefined ? [] : [key, String(route[key])],
        ),
        ...(route.prefsrc === undefined ? [] : ['src', route.prefsrc]),
        ...(route.flags?.includes('onlink') === true ? ['onlink'] : []),
      ],
    }))
}

function networkdOf(
  line: string | undefined,
  files: readonly ConfigFile[],
  lease: string | undefined,
): NetworkdFacts | undefined {
  if (line === undefined) return undefined
  const [state = ''] = line.split(' ')
  return { state, files, clientId: lease === '' ? undefined : lease }
}

function networkManagerOf(
  line: string | undefined,
  settings: readonly string[],
): NetworkManagerFacts | undefined {
  const [state, uuid = ''] = line?.split(' ') ?? []
  if (state === undefined) return undefined
  const entries = settings.map((each): [string, string] => {
    const end = each.indexOf(':')
    return [each.slice(0, end), each.slice(end + 1)]
  })
  return { state: Number(state), uuid, settings: new Map(entries) }
}
