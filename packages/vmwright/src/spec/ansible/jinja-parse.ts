/**
 * The part of Jinja that is understood. In the order of binding:
 *
 *     sum      = concat { '+' concat }
 *     concat   = piped { '~' piped }
 *     piped    = reach { '|' name [ '(' arguments ')' ] }
 *     reach    = atom { '.' name | '[' sum ']' }
 *     atom     = text | number | true | false | none | name | lookup '(' arguments ')' | '[' … ']' | '(' sum ')'
 *
 * Anything else (tests, `if`, calls, loops) is not parsed: the whole expression becomes a question.
 */
export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'member'; readonly of: Expression; readonly key: Expression }
  | { readonly kind: 'filter'; readonly of: Expression; readonly name: string; readonly values: Arguments }
  | { readonly kind: 'sum' | 'concat'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'lookup'; readonly values: Arguments }

export interface Arguments {
  readonly positional: readonly Expression[]
  readonly named: ReadonlyMap<string, Expression>
}

/** A text and its expressions. */
export type Part =
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'code'; readonly code: string }

const maxDepth = 40
const maxTokens = 500

/** Parts of a template; `undefined` when there are statements (`{% … %}`) in it or a brace is not closed. */
export function partsOf(template: string): readonly Part[] | undefined {
  const parts: Part[] = []
  let at = 0
  while (at < template.length) {
    const open = /\{[{%#]/g
    open.lastIndex = at
    const found = open.exec(template)
    if (found === null) break
    if (found.index > at) parts.push({ kind: 'text', text: template.slice(at, found.index) })
    if (found[0] === '{%') return undefined
    const end = endOf(template, found.index + 2, found[0] === '{{' ? '}}' : '#}')
    if (end === undefined) return undefined
    if (found[0] === '{{')
      parts.push({ kind: 'code', code: template.slice(found.index + 2, end).replace(/^-|-$/g, '') })
    at = end + 2
  }
  if (at < template.length) parts.push({ kind: 'text', text: template.slice(at) })
  return parts
}

/** Where the closing braces are, those within quotes left out. */
function endOf(template: string, from: number, close: string): number | undefined {
  let quote = ''
  for (let at = from; at < template.length; at++) {
    const sign = template[at]
    if (quote !== '') {
      if (sign === '\\') at++
      else if (sign === quote) quote = ''
    } else if (close === '}}' && (sign === "'" || sign === '"')) quote = sign
    else if (template.startsWith(close, at)) return at
  }
  return undefined
}

type Token = { readonly kind: 'name' | 'text' | 'number' | 'sign'; readonly text: string }

function tokensOf(code: string): readonly Token[] | undefined {
  const pattern =
    /\s*(?:([A-Za-z_]\w*)|(\d+(?:\.\d+)?(?![\w.]))|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([|.,=~+()[\]]))/sy
  const tokens: Token[] = []
  const end = code.trimEnd().length
  while (pattern.lastIndex < end) {
    const match = pattern.exec(code)
    if (match === null || tokens.length >= maxTokens) return undefined
    const [, name, number, single, double, sign] = match
    const quoted = single ?? double
    if (name !== undefined) tokens.push({ kind: 'name', text: name })
    else if (number !== undefined) tokens.push({ kind: 'number', text: number })
    else if (quoted !== undefined) tokens.push({ kind: 'text', text: unescape(quoted) })
    else tokens.push({ kind: 'sign', text: sign ?? '' })
  }
  return tokens
}

const unescape = (text: string): string =>
  text.replaceAll(/\\(.)/gs, (_all, sign: string) => ({ n: '\n', t: '\t' })[sign] ?? sign)

/** `undefined`: not in the grammar above. */
export function parseExpression(code: string): Expression | undefined {
  const tokens = tokensOf(code)
  if (tokens === undefined || tokens.length === 0) return undefined
  const parser = new Parser(tokens)
  try {
    return parser.whole()
  } catch (error) {
    if (error === notUnderstood) return undefined
    throw error
  }
}

const notUnderstood = new Error('not in the grammar')

const constants: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
])
const reserved = new Set(['if', 'else', 'is', 'in', 'not', 'and', 'or', 'for'])

class Parser {
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  whole(): Expression {
    const expression = this.#sum()
    if (this.#at < this.#tokens.length) throw notUnderstood
    return expression
  }

  #sum(): Expression {
    if (++this.#depth > maxDepth) throw notUnderstood
    let left = this.#concat()
    while (this.#accept('+')) left = { kind: 'sum', left, right: this.#concat() }
    this.#depth--
    return left
  }

  #concat(): Expression {
    let left = this.#piped()
    while (this.#accept('~')) left = { kind: 'concat', left, right: this.#piped() }
    return left
  }

  #piped(): Expression {
    let of = this.#reach()
    while (this.#accept('|')) {
      let name = this.#name()
      while (this.#accept('.')) name = `${name}.${this.#name()}`
      const values = this.#accept('(') ? this.#arguments() : { positional: [], named: new Map() }
      of = { kind: 'filter', of, name: name.replace(/^ansible\.builtin\./, ''), values }
    }
    return of
  }

  #reach(): Expression {
    let of = this.#atom()
    for (;;) {
      if (this.#accept('.')) {
        const key = this.#next()
        if (key.kind !== 'name' && key.kind !== 'number') throw notUnderstood
        of = { kind: 'member', of, key: { kind: 'literal', value: key.text } }
      } else if (this.#accept('[')) {
        of = { kind: 'member', of, key: this.#sum() }
        this.#expect(']')
      } else return of
    }
  }

  #atom(): Expression {
    const token = this.#next()
    if (token.kind === 'text') return { kind: 'literal', value: token.text }
    if (token.kind === 'number') return { kind: 'literal', value: Number(token.text) }
    if (token.kind === 'sign') {
      if (token.text === '(') {
        const inner = this.#sum()
        this.#expect(')')
        return inner
      }
      if (token.text === '[') return { kind: 'list', items: this.#until(']') }
      throw notUnderstood
    }
    if (reserved.has(token.text)) throw notUnderstood
    const constant = constants.get(token.text)
    if (constant !== undefined) return { kind: 'literal', value: constant }
    if (token.text === 'lookup' && this.#accept('(')) return { kind: 'lookup', values: this.#arguments() }
    return { kind: 'name', name: token.text }
  }

  #until(close: string): readonly Expression[] {
    const items: Expression[] = []
    while (!this.#accept(close)) {
      if (items.length > 0) this.#expect(',')
      if (this.#accept(close)) break
      items.push(this.#sum())
    }
    return items
  }

  #arguments(): Arguments {
    const positional: Expression[] = []
    const named = new Map<string, Expression>()
    while (!this.#accept(')')) {
      if (positional.length + named.size > 0) this.#expect(',')
      const [first, second] = [this.#tokens[this.#at], this.#tokens[this.#at + 1]]
      if (first?.kind === 'name' && second?.kind === 'sign' && second.text === '=') {
        this.#at += 2
        named.set(first.text, this.#sum())
      } else positional.push(this.#sum())
    }
    return { positional, named }
  }

  #next(): Token {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw notUnderstood
    return token
  }

  #name(): string {
    const token = this.#next()
    if (token.kind !== 'name') throw notUnderstood
    return token.text
  }

  #accept(sign: string): boolean {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'sign' || token.text !== sign) return false
    this.#at++
    return true
  }

  #expect(sign: string): void {
    if (!this.#accept(sign)) throw notUnderstood
  }
}
