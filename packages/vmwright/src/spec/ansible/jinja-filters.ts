import { scalarAt, type Value } from './value.ts'

export interface FilterCall {
  readonly input: Value
  readonly positional: readonly Value[]
  readonly named: ReadonlyMap<string, Value>
}

/** The result, or `undefined` when the filter cannot be applied to what it was given. */
type Filter = (call: FilterCall) => Value | undefined

/**
 * Filters that the files of the replaced systems use, but `default`, which has to see what is missing. As in
 * Ansible, they take the text of a number or a boolean too.
 */
export const filters: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ['bool', ({ input }) => onScalar(input, (value) => asBoolean(value))],
  ['int', ({ input }) => onScalar(input, (value) => Math.trunc(numberOf(value)))],
  ['string', onText((text) => text)],
  ['lower', onText((text) => text.toLowerCase())],
  ['upper', onText((text) => text.toUpperCase())],
  ['trim', onText((text) => text.trim())],
  ['basename', onText((text) => text.slice(text.lastIndexOf('/') + 1))],
  [
    'dirname',
    onText((text) => text.slice(0, Math.max(0, text.lastIndexOf('/'))) || (text[0] === '/' ? '/' : '')),
  ],
  ['replace', replace],
  ['join', join],
  ['ternary', ternary],
])

function onScalar(
  value: Value,
  apply: (value: string | number | boolean | null) => string | number | boolean | undefined,
): Value | undefined {
  if (value.kind !== 'scalar') return undefined
  const result = apply(value.value)
  return result === undefined ? undefined : scalarAt(value.place, result)
}

function onText(apply: (text: string) => string): Filter {
  return ({ input }) => onScalar(input, (value) => (value === null ? undefined : apply(textOf(value))))
}

/** As Jinja prints it. */
export const textOf = (value: string | number | boolean | null): string =>
  value === true ? 'True' : value === false ? 'False' : value === null ? '' : String(value)

function asBoolean(value: string | number | boolean | null): boolean {
  if (typeof value === 'boolean') return value
  return ['yes', 'on', '1', 'true'].includes(String(value).toLowerCase())
}

/** Jinja's `int` gives 0 for what is no number. */
function numberOf(value: string | number | boolean | null): number {
  const number = typeof value === 'boolean' ? Number(value) : Number.parseFloat(String(value))
  return Number.isFinite(number) ? number : 0
}

function replace({ input, positional }: FilterCall): Value | undefined {
  const [from, to] = positional
  if (input.kind !== 'scalar' || input.value === null || positional.length !== 2) return undefined
  if (from?.kind !== 'scalar' || to?.kind !== 'scalar' || textOf(from.value) === '') return undefined
  return scalarAt(input.place, textOf(input.value).split(textOf(from.value)).join(textOf(to.value)))
}

function join({ input, positional: [between] }: FilterCall): Value | undefined {
  if (input.kind !== 'list') return undefined
  const sign = between === undefined ? '' : between.kind === 'scalar' ? textOf(between.value) : undefined
  const texts = input.items.map((item) => (item.kind === 'scalar' ? textOf(item.value) : undefined))
  if (sign === undefined || texts.includes(undefined)) return undefined
  return scalarAt(input.place, texts.join(sign))
}

function ternary({ input, positional }: FilterCall): Value | undefined {
  const [yes, no, none] = positional
  if (input.kind !== 'scalar') return undefined
  if (input.value === null && none !== undefined) return none
  // Python's truth: an empty text and 0 are false, the text "false" is true.
  return input.value !== null && input.value !== '' && input.value !== 0 && input.value !== false ? yes : no
}
