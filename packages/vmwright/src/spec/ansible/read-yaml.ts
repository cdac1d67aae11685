import { Composer, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode } from 'yaml'
import type { Scalar } from '../node.ts'
import { tokenise } from '../tokens.ts'
import { yamlFault } from '../yaml-faults.ts'
import { SourceFault } from './fault.ts'
import { mergeValues, type Place, type Value } from './value.ts'

const maxAliases = 200
const maxValues = 100_000

/**
 * Reads YAML or JSON as Ansible does: YAML 1.1 (`yes` is true, `<<` merges), but times, binaries and numbers with
 * colons stay text. `!vault` values are not read, `!unsafe` texts not searched for expressions, and any other tag
 * is a question. `undefined`: the file is empty. Throws `SourceFault`; the text of the file is never in the message.
 */
export function readYaml(file: string, text: string): Value | undefined {
  const lines = new LineCounter()
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(1, line), column: Math.max(1, col) }
  }
  const tokens = tokenise(text, lines.addNewLine)
  if (tokens.kind === 'refused') throw new SourceFault(placeAt(tokens.offset), tokens.message, tokens.hint)
  const composer = new Composer({
    version: '1.1',
    schema: 'yaml-1.1',
    uniqueKeys: false,
    prettyErrors: false,
    stringKeys: false,
    logLevel: 'silent',
    customTags: (tags) => tags.filter((tag) => typeof tag !== 'object' || !isLeftOut(tag)),
  })
  const documents: Document.Parsed[] = []
  for (const document of composer.compose(tokens.tokens, true, text.length)) {
    documents.push(document as Document.Parsed)
    if (documents.length === 2) break
  }
  const [first, second] = documents
  const fault = first?.errors[0]
  if (fault !== undefined) {
    const { message, hint } = yamlFault(fault.code)
    throw new SourceFault(placeAt(fault.pos[0]), message, hint)
  }
  if (second !== undefined) {
    throw new SourceFault(
      placeAt(second.range[0]),
      'begins a second document',
      'Split the file: one document each.',
    )
  }
  const contents = first?.contents ?? null
  return contents === null ? undefined : new Reader(placeAt, text).read(contents)
}

/** Readings of YAML 1.1 that nobody wants: `1:30` as 90, `2024-01-01` as a date. */
function isLeftOut(tag: { readonly tag: string; readonly format?: string | undefined }): boolean {
  return (
    tag.format === 'TIME' || /:(binary|omap|pairs|set|timestamp|merge)$/.test(tag.tag) || tag.format === 'OCT'
  )
}

const coreTags = /^(tag:yaml\.org,2002:|!!)(str|int|float|bool|null|seq|map)$/

class Reader {
  readonly #placeAt: (offset: number) => Place
  readonly #text: string
  readonly #anchors = new Map<string, { readonly value: Value; readonly size: number }>()
  #aliases = 0
  #values = 0

  constructor(placeAt: (offset: number) => Place, text: string) {
    this.#placeAt = placeAt
    this.#text = text
  }

  read(node: ParsedNode): Value {
    const before = this.#values
    if (++this.#values > maxValues) throw this.#tooMuch(node)
    const value = this.#convert(node)
    if (!isAlias(node) && node.anchor !== undefined)
      this.#anchors.set(node.anchor, { value, size: this.#values - before })
    return value
  }

  #convert(node: ParsedNode): Value {
    const place = this.#placeAt(node.range[0])
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source)
      if (target === undefined) throw new SourceFault(place, 'refers to an anchor that is not set before it')
      this.#values += target.size
      if (++this.#aliases > maxAliases || this.#values > maxValues) throw this.#tooMuch(node)
      return target.value
    }
    const tag = node.tag
    if (tag === '!vault' || tag === '!vault-encrypted') return { kind: 'vault', place }
    if (tag !== undefined && tag !== '!unsafe' && !coreTags.test(tag)) {
      const name = /^[\w!:/.,-]{1,60}$/.test(tag) ? tag : 'its tag'
      return { kind: 'question', text: name, why: 'a tag that is not accepted', place }
    }
    if (isSeq(node))
      return { kind: 'list', items: node.items.map((item) => this.read(item as ParsedNode)), place }
    if (isMap(node)) return this.#map(node.items as never, place)
    const value = isScalar(node) ? this.#scalar(node) : null
    return { kind: 'scalar', value, place, ...(tag === '!unsafe' ? { literal: true } : {}) }
  }

  #map(
    pairs: readonly { readonly key: ParsedNode; readonly value: ParsedNode | null }[],
    place: Place,
  ): Value {
    const own = new Map<string, Value>()
    let under: Value | undefined
    for (const { key, value: node } of pairs) {
      const at = this.#placeAt(key.range[0])
      const name = isScalar(key) ? String(key.source ?? key.value) : undefined
      if (name === undefined) throw new SourceFault(at, 'has a key that is no text')
      if (name === '__proto__') throw new SourceFault(at, 'has the key `__proto__`, which is not accepted')
      const value: Value =
        node === null ? { kind: 'scalar', value: null, place: at } : { ...this.read(node), place: at }
      if (name !== '<<') own.set(name, value)
      else {
        for (const source of value.kind === 'list' ? value.items.toReversed() : [value])
          under = under === undefined ? source : mergeShallow(under, source)
      }
    }
    const map: Value = { kind: 'map', entries: own, place }
    return under?.kind === 'map' ? mergeShallow(under, map) : map
  }

  #scalar(node: { readonly value: unknown; readonly source?: string; readonly type?: string }): Scalar {
    const { value } = node
    if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value
    // `0644` is a mode and 1e400 no number: both stay as they are written.
    if (typeof value === 'number' && Number.isFinite(value) && !/^0\d/.test(node.source ?? '')) return value
    return node.source ?? ''
  }

  #tooMuch(node: ParsedNode): SourceFault {
    const place = this.#placeAt(Math.min(node.range[0], this.#text.length))
    return new SourceFault(place, 'expands to too many values', 'Aliases of aliases multiply; use fewer.')
  }
}

function mergeShallow(under: Value, over: Value): Value {
  if (under.kind !== 'map' || over.kind !== 'map') return mergeValues(undefined, over)
  return { ...over, entries: new Map([...under.entries, ...over.entries]) }
}
