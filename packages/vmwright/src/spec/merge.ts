type Mapping = Readonly<Record<string, unknown>>

const isMapping = (value: unknown): value is Mapping =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** `over` laid on `under`: mappings are merged, lists and scalars replaced, `undefined` gives way. */
export function mergeDeep<T>(under: T, over: T): T {
  return mergeValues(under, over) as T
}

function mergeValues(under: unknown, over: unknown): unknown {
  if (over === undefined) return under
  if (!isMapping(under) || !isMapping(over)) return over
  if (isReference(Object.keys(under)) && isReference(Object.keys(over))) return over
  const merged: Record<string, unknown> = { ...under }
  for (const [key, value] of Object.entries(over)) merged[key] = mergeValues(under[key], value)
  return merged
}

/** `{ env }` and `{ file }` say where a value is, so that one replaces the other. */
export const isReference = (keys: readonly string[]): boolean =>
  keys.length === 1 && (keys[0] === 'env' || keys[0] === 'file')
