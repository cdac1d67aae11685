import { type Cidr, parseCidr, parseIp } from './ip.ts'
import type { Path } from './node.ts'

/** A static address of an instance, as written at `path`, to be counted up by `plus`. */
export interface WrittenAddress {
  readonly text: string
  readonly plus: number
  readonly path: Path
}

/** One address, or several of one interface. */
export const writtenAt = (
  addresses: string | readonly string[],
  path: Path,
  plus = 0,
): readonly WrittenAddress[] =>
  typeof addresses === 'string'
    ? [{ text: addresses, plus, path }]
    : addresses.map((text, index) => ({ text, plus, path: [...path, index] }))

/** K8. A list for a group, with each range as so many entries; one with a fault has none. */
export const expandAddresses = (
  entries: readonly (string | readonly string[])[],
  path: Path,
): readonly (readonly WrittenAddress[])[] =>
  entries.flatMap((entry, index) => {
    const at = [...path, index]
    if (!isRange(entry)) return [writtenAt(entry, at)]
    const { start, first, last } = endsOf(entry)
    if (first === undefined || last === undefined || rangeFault(entry) !== undefined) return []
    const count = Number(last.value - first.value) + 1
    return Array.from({ length: count }, (_, plus) => writtenAt(start, at, plus))
  })

export const isRange = (entry: string | readonly string[]): entry is string =>
  typeof entry === 'string' && entry.includes('-')

/** Why a range is none; `undefined` when it is one. */
export function rangeFault(text: string): string | undefined {
  const { first, last } = endsOf(text)
  if (first === undefined || last?.family !== first.family) return 'is not a range of addresses'
  const count = last.value - first.value + 1n
  return count < 1n ? 'ends before it begins' : count > 1000n ? 'has more than 1000 addresses' : undefined
}

/** `10.0.0.11-10.0.0.14/24` */
function endsOf(text: string): {
  readonly start: string
  readonly first: Cidr | undefined
  readonly last: Cidr | undefined
} {
  const [begin = '', rest = ''] = text.split('-')
  const [end = '', prefix = ''] = rest.split('/')
  const last = parseIp(end)
  const start = `${begin}/${prefix}`
  const first = parseCidr(start)
  return {
    start,
    first,
    last: first === undefined || last === undefined ? undefined : { ...last, prefix: first.prefix },
  }
}
