type Mapping = Readonly<Record<string, unknown>>

/**
 * `over` laid over `base`: mappings are merged member by member, anything else replaces what was there (lists as a
 * whole), and `null` takes the key away.
 */
export function mergeDeep(base: Mapping, over: Mapping): Mapping {
  const merged = new Map(Object.entries(base))
  for (const [key, value] of Object.entries(over)) {
    const below = merged.get(key)
    if (value === null) merged.delete(key)
    else merged.set(key, isMapping(value) ? mergeDeep(isMapping(below) ? below : {}, value) : value)
  }
  return Object.fromEntries(merged)
}

/** Keys of cloud-config whose values are passwords, their hashes or private keys. */
const secretKeys: ReadonlySet<string> = new Set([
  'password',
  'passwd',
  'plain_text_passwd',
  'hashed_passwd',
  'chpasswd',
  'ssh_keys',
])

/** The value without members that cloud-config uses for secrets, at any depth. */
export function withoutSecrets<T extends Mapping>(value: T): Mapping {
  const clean = (member: unknown): unknown => {
    if (Array.isArray(member)) return member.map(clean)
    return isMapping(member) ? withoutSecrets(member) : member
  }
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => (secretKeys.has(key) ? [] : [[key, clean(member)]])),
  )
}

const isMapping = (value: unknown): value is Mapping =>
  value !== null && typeof value === 'object' && !Array.isArray(value)
