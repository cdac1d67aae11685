import { XdrError } from '../xdr/writer.ts'
import {
  bool,
  double,
  hyper,
  int,
  list,
  optional,
  struct,
  text,
  uhyper,
  uint,
  uuid,
  type Codec,
  type ValueOf,
} from '../xdr/schema.ts'

/** A domain. `id` is -1 unless it is running; libvirt finds it by `uuid`. */
export const domain = struct({ name: text, uuid, id: int })
export const network = struct({ name: text, uuid })
export const networkPort = struct({ network, uuid })
export const pool = struct({ name: text, uuid })
/** A storage volume: the name of its pool, its own, and its key, which is its path in a pool of files. */
export const vol = struct({ pool: text, name: text, key: text })
export const snapshot = struct({ name: text, domain })

export type Domain = ValueOf<typeof domain>
export type Network = ValueOf<typeof network>
export type StoragePool = ValueOf<typeof pool>
export type StorageVolume = ValueOf<typeof vol>
export type DomainSnapshot = ValueOf<typeof snapshot>

/** What the daemon says when a call fails (`virNetMessageError`); only the first four fields carry anything. */
export const remoteError = struct({
  code: int,
  domain: int,
  message: optional(text),
  level: int,
  dom: optional(domain),
  str1: optional(text),
  str2: optional(text),
  str3: optional(text),
  int1: int,
  int2: int,
  net: optional(network),
})

export type TypedValue =
  | { readonly type: 'int' | 'uint' | 'double'; readonly value: number }
  | { readonly type: 'llong' | 'ullong'; readonly value: bigint }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }

export type TypedParameter = { readonly field: string } & TypedValue

/** `virTypedParameterType`, by number; 0 is not used. */
const typedKinds = {
  int: { number: 1, codec: int },
  uint: { number: 2, codec: uint },
  llong: { number: 3, codec: hyper },
  ullong: { number: 4, codec: uhyper },
  double: { number: 5, codec: double },
  boolean: { number: 6, codec: bool },
  string: { number: 7, codec: text },
} as const satisfies Record<TypedValue['type'], { number: number; codec: Codec<unknown> }>

const typedNames = Object.keys(typedKinds) as TypedValue['type'][]

/** A named value with its type on the wire (statistics, tunables). */
export const typedParameter: Codec<TypedParameter> = {
  minBytes: 12,
  encode: (writer, parameter) => {
    text.encode(writer, parameter.field)
    const kind = typedKinds[parameter.type]
    writer.uint(kind.number)
    const codec: Codec<unknown> = kind.codec
    codec.encode(writer, parameter.value)
  },
  decode: (reader) => {
    const field = text.decode(reader)
    const number = reader.uint()
    const type = typedNames[number - 1]
    if (type === undefined) throw new XdrError(`${field}: a typed parameter of unknown type ${number}`)
    // The table pairs each type with the codec of its value.
    return { field, type, value: typedKinds[type].codec.decode(reader) } as TypedParameter
  },
}

export const typedParameters = list(typedParameter)

export const interfaceAddress = struct({ type: int, address: text, prefix: uint })

/** A guest's interface as `domainInterfaceAddresses` tells it; address type 0 is IPv4, 1 is IPv6. */
export const domainInterface = struct({
  name: text,
  mac: optional(text),
  addresses: list(interfaceAddress, 2048),
})

export const dhcpLease = struct({
  interface: text,
  expiresAt: hyper,
  type: int,
  mac: optional(text),
  iaid: optional(text),
  address: text,
  prefix: uint,
  hostname: optional(text),
  clientId: optional(text),
})

export const memoryStat = struct({ field: text, value: uhyper })

export const domainMemoryStat = struct({ tag: int, value: uhyper })

export const domainStats = struct({ domain, params: typedParameters })

export type DomainInterface = ValueOf<typeof domainInterface>
export type DhcpLease = ValueOf<typeof dhcpLease>
export type DomainStats = ValueOf<typeof domainStats>
