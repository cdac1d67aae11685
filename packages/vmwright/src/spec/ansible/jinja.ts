import { filters, textOf } from './jinja-filters.ts'
import { type Arguments, type Expression, parseExpression, partsOf } from './jinja-parse.ts'
import { entriesOf, itemsOf, type Place, scalarAt, type Value } from './value.ts'

/** What an expression may see. */
export interface Names {
  /** The resolved value of a variable; `undefined`: there is none. */
  find(name: string): Value | undefined
  /** Counts down; what would make more text than this is a question. */
  readonly budget: { characters: number }
}

/** A missing variable or key, until `default` or the end of the expression is met. */
type Found = Value | { readonly kind: 'missing'; readonly what: string; readonly place: Place }

const maxTemplate = 64 * 1024

/** Whether a text has expressions in it. */
export const isTemplate = (text: string): boolean => /\{[{%#]/.test(text)

/**
 * The value of a text with `{{ … }}` in it. A text that is one expression keeps the type of its value. What is not
 * understood, not known or not to be known (secrets) comes back as a question or as what it is: nothing is guessed,
 * and nothing is evaluated but references, `~`, `+` and the filters in the table.
 */
export function evaluateTemplate(text: string, place: Place, names: Names): Value {
  const question = (why: string): Value => ({ kind: 'question', text: quoted(text), why, place })
  if (text.length > maxTemplate) return question('longer than an expression may be')
  const parts = partsOf(text)
  if (parts === undefined) return question('more than plain expressions')
  const values: Value[] = []
  for (const part of parts) {
    if (part.kind === 'text') {
      values.push(scalarAt(place, part.text))
      continue
    }
    const expression = parseExpression(part.code)
    if (expression === undefined) return question('an expression that is not resolved')
    const value = settle(evaluate(expression, place, names), question)
    if (value.kind === 'question') return question(value.why)
    values.push(value)
  }
  const [only, ...others] = values
  if (only !== undefined && others.length === 0) return spend({ ...only, place }, names, question)
  const texts: string[] = []
  for (const value of values) {
    if (value.kind !== 'scalar') return question(inText(value))
    texts.push(textOf(value.value))
  }
  return spend(scalarAt(place, texts.join('')), names, question)
}

/** Why a value that is not a scalar cannot be part of a text. */
const inText = (value: Value): string =>
  value.kind === 'secret' || value.kind === 'vault' || value.kind === 'env'
    ? 'a text with a secret in it'
    : value.kind === 'file'
      ? 'a text with the content of a file in it'
      : 'a text with a list or mapping in it'

function spend(value: Value, names: Names, question: (why: string) => Value): Value {
  names.budget.characters -= sizeOf(value)
  return names.budget.characters < 0 ? question('an expression that grows too large') : value
}

const sizes = new WeakMap<Value, number>()

/** Characters and values in all; what is shared counts each time, because whoever writes it out does so each time. */
function sizeOf(value: Value): number {
  const known = sizes.get(value)
  if (known !== undefined) return known
  const inner = value.kind === 'list' ? value.items : value.kind === 'map' ? [...value.entries.values()] : []
  const size = inner.reduce(
    (sum, each) => sum + sizeOf(each),
    value.kind === 'scalar' ? textOf(value.value).length : 1,
  )
  sizes.set(value, size)
  return size
}

const settle = (found: Found, question: (why: string) => Value): Value =>
  found.kind === 'missing' ? question(`${found.what} is not set in these files`) : found

/** The expression as it stands, without what is in quotes: that may be a secret. */
export const quoted = (text: string): string =>
  text
    .replaceAll(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/gs, "'…'")
    .replaceAll(/\s+/g, ' ')
    .slice(0, 120)

function evaluate(expression: Expression, place: Place, names: Names): Found {
  const question = (why: string): Value => ({ kind: 'question', text: '', why, place })
  const value = (inner: Expression): Value => settle(evaluate(inner, place, names), question)
  switch (expression.kind) {
    case 'literal':
      return scalarAt(place, expression.value)
    case 'list': {
      const items = expression.items.map(value)
      return items.find((item) => item.kind === 'question') ?? { kind: 'list', items, place }
    }
    case 'name':
      if (expression.name === 'omit') return { kind: 'omit', place }
      return names.find(expression.name) ?? { kind: 'missing', what: `\`${expression.name}\``, place }
    case 'member':
      return memberOf(evaluate(expression.of, place, names), value(expression.key), place)
    case 'filter':
      return applyFilter(expression, place, names)
    case 'concat':
      return concatenated([value(expression.left), value(expression.right)], place)
    case 'sum':
      return sumOf(value(expression.left), value(expression.right), place)
    case 'lookup':
      return lookedUp(expression.values, place, value)
  }
}

function memberOf(of: Found, key: Value, place: Place): Found {
  if (of.kind === 'missing' || of.kind === 'question') return of
  if (key.kind !== 'scalar') return { kind: 'question', text: '', why: 'a key that is not resolved', place }
  const name = textOf(key.value)
  if (of.kind === 'map')
    return entriesOf(of).get(name) ?? { kind: 'missing', what: `\`${safeName(name)}\``, place }
  if (of.kind === 'list' && /^\d+$/.test(name))
    return itemsOf(of)[Number(name)] ?? { kind: 'missing', what: `item ${name}`, place }
  return { kind: 'question', text: '', why: 'a part of something that has none', place }
}

const safeName = (name: string): string => (/^[\w-]{1,63}$/.test(name) ? name : '…')

function applyFilter(
  { of, name, values }: Extract<Expression, { kind: 'filter' }>,
  place: Place,
  names: Names,
): Found {
  const question = (why: string): Value => ({ kind: 'question', text: '', why, place })
  const input = evaluate(of, place, names)
  const value = (inner: Expression): Value => settle(evaluate(inner, place, names), question)
  if (name === 'default' || name === 'd') {
    const [fallback, alsoEmpty] = values.positional
    const wantsEmpty = alsoEmpty ?? values.named.get('boolean')
    if (!isAbsent(input, wantsEmpty !== undefined && isTrue(value(wantsEmpty)))) return input
    return fallback === undefined ? scalarAt(place, '') : evaluate(fallback, place, names)
  }
  if (input.kind === 'missing' || input.kind === 'question') return input
  const filter = filters.get(name)
  if (filter === undefined) return question(`the filter \`${name}\`, which is not known here`)
  const given = values.positional.map(value)
  const faulty = given.find((each) => each.kind === 'question')
  if (faulty !== undefined) return faulty
  const named = new Map([...values.named].map(([key, inner]) => [key, value(inner)]))
  return (
    filter({ input, positional: given, named }) ??
    question(`the filter \`${name}\` on something it does not fit`)
  )
}

function isAbsent(found: Found, emptyToo: boolean): boolean {
  if (found.kind === 'missing' || found.kind === 'omit') return true
  return emptyToo && found.kind === 'scalar' && !isTrue(found)
}

const isTrue = (value: Value): boolean =>
  value.kind !== 'scalar' || ![null, '', 0, false].includes(value.value as null)

function concatenated(values: readonly Value[], place: Place): Value {
  const texts: string[] = []
  for (const value of values) {
    if (value.kind === 'question') return value
    if (value.kind !== 'scalar') return { kind: 'question', text: '', why: inText(value), place }
    texts.push(textOf(value.value))
  }
  return scalarAt(place, texts.join(''))
}

function sumOf(left: Value, right: Value, place: Place): Value {
  if (left.kind === 'question') return left
  if (right.kind === 'question') return right
  if (left.kind === 'list' && right.kind === 'list')
    return { kind: 'list', items: [...left.items, ...right.items], place }
  if (left.kind === 'scalar' && right.kind === 'scalar') {
    if (typeof left.value === 'number' && typeof right.value === 'number')
      return scalarAt(place, left.value + right.value)
    if (typeof left.value === 'string' && typeof right.value === 'string')
      return scalarAt(place, left.value + right.value)
  }
  return { kind: 'question', text: '', why: 'a sum of things that do not go together', place }
}

/** Only what an environment variable or a file is called: neither is read. */
function lookedUp({ positional, named }: Arguments, place: Place, value: (of: Expression) => Value): Value {
  const question = (why: string): Value => ({ kind: 'question', text: '', why, place })
  const [kind, what, ...others] = positional.map(value)
  if (kind?.kind !== 'scalar' || what?.kind !== 'scalar' || others.length > 0 || named.size > 0)
    return question('a lookup that is not known here')
  const name = textOf(what.value)
  const plugin = textOf(kind.value).replace(/^ansible\.builtin\./, '')
  if (plugin === 'env' && /^[A-Za-z_]\w*$/.test(name)) return { kind: 'env', name, place }
  if (plugin === 'file' && /^[^\0\n\r]+$/.test(name)) return { kind: 'file', path: name, place }
  return question('a lookup that is not known here')
}
