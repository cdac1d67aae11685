import { Composer, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode } from 'yaml'
import { tokenise } from './tokens.ts'
import { type Entry, type Node, type Place, problemAt, type Scalar, type Source } from './node.ts'
import type { Problem } from './problem.ts'
import { yamlFault } from './yaml-faults.ts'

export const maxFileBytes = 1024 * 1024
const maxAliases = 100
const maxSyntaxFaults = 50
/** Aliases of aliases multiply: this many values in all are more than any spec needs. */
const maxValues = 100_000

export interface ParsedYaml {
  /** `undefined` when there is nothing, or nothing that the rest of the checks could go on with. */
  readonly root: Node | undefined
  readonly problems: readonly Problem[]
}

interface ReadText {
  readonly file: string
  readonly folder: string
  readonly bytes: Uint8Array
}

/**
 * Reads one YAML 1.2 document (core schema, no tags of its own) into nodes with places. Hostile input (depth,
 * aliases, size, encodings) is refused with a problem, never with an exception.
 */
export function parseYaml(read: ReadText): ParsedYaml {
  const decoded = decode(read.bytes)
  const counter = new LineCounter()
  const source: Source = { file: read.file, folder: read.folder, lineStarts: counter.lineStarts }
  if (typeof decoded !== 'string') {
    return {
      root: undefined,
      problems: [
        problemAt({ source: { ...source, lineStarts: decoded.lineStarts }, offset: decoded.offset }, decoded),
      ],
    }
  }
  const parsed = tokenise(decoded, counter.addNewLine)
  if (parsed.kind === 'refused')
    return { root: undefined, problems: [problemAt({ source, offset: parsed.offset }, parsed)] }
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    uniqueKeys: false,
    prettyErrors: false,
    stringKeys: false,
  })
  const documents: Document.Parsed[] = []
  for (const document of composer.compose(parsed.tokens, true, decoded.length)) {
    documents.push(document as Document.Parsed)
    if (documents.length === 2) break
  }
  return new Reader(source, decoded).read(documents)
}

type Undecodable = {
  readonly message: string
  readonly hint: string
  readonly offset: number
  readonly lineStarts: readonly number[]
}

function decode(bytes: Uint8Array): string | Undecodable {
  const refuse = (message: string, hint: string, upTo = 0): Undecodable => {
    const before = new TextDecoder().decode(bytes.subarray(0, upTo))
    const lineStarts = [0]
    for (let at = before.indexOf('\n'); at !== -1; at = before.indexOf('\n', at + 1)) lineStarts.push(at + 1)
    return { message, hint, offset: before.length, lineStarts }
  }
  if (bytes.length > maxFileBytes) return refuse('is larger than 1 MiB', 'Split it with `include`.')
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  if (
    utf16 ||
    (bytes.length > 3 && (bytes[0] === 0) !== (bytes[1] === 0) && (bytes[2] === 0) !== (bytes[3] === 0))
  ) {
    return refuse('is encoded in UTF-16', 'Save it as UTF-8: iconv -f UTF-16 -t UTF-8.')
  }
  const nul = bytes.indexOf(0)
  if (nul !== -1) return refuse('has a NUL byte', 'Is it a text file? Remove the byte.', nul)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse('is not valid UTF-8', 'Save it as UTF-8.', firstInvalid(bytes))
  }
}

/** The length of the longest valid beginning, by halving. */
function firstInvalid(bytes: Uint8Array): number {
  let low = 0
  let high = bytes.length
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (isUtf8(bytes.subarray(0, middle), { stream: true })) low = middle
    else high = middle - 1
  }
  // A stream may end inside a character; that one is the invalid one.
  while (!isUtf8(bytes.subarray(0, low), {})) low--
  return low
}

function isUtf8(bytes: Uint8Array, options: { readonly stream?: boolean }): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, options)
    return true
  } catch {
    return false
  }
}

/** Turns a parsed document into nodes. One use each. */
class Reader {
  readonly #source: Source
  readonly #text: string
  readonly #problems: Problem[] = []
  readonly #anchors = new Map<string, { readonly node: Node; readonly values: number }>()
  #aliases = 0
  #values = 0

  constructor(source: Source, text: string) {
    this.#source = source
    this.#text = text
  }

  read(documents: readonly Document.Parsed[]): ParsedYaml {
    const [first, second] = documents
    if (second !== undefined) {
      this.#refuse(
        second.range[0],
        'a file holds one document',
        'Remove the line `---` and what follows, or use `include`.',
      )
    }
    // After the first few, faults of syntax only follow from one another.
    for (const error of (first?.errors ?? []).slice(0, maxSyntaxFaults)) {
      const { message, hint } = yamlFault(error.code)
      this.#refuse(error.pos[0], message, hint)
    }
    const contents = first?.contents ?? null
    if (this.#problems.length > 0 || contents === null) return { root: undefined, problems: this.#problems }
    for (const warning of first?.warnings ?? []) {
      if (warning.code === 'TAG_RESOLVE_FAILED') this.#refuse(warning.pos[0], ...tagRefused)
    }
    const root = this.#node(contents, [])
    return { root: this.#isExhausted() ? undefined : root, problems: this.#problems }
  }

  #node(yaml: ParsedNode, path: readonly string[]): Node {
    const before = this.#values
    const node = this.#convert(yaml, path)
    if (!isAlias(yaml) && yaml.anchor !== undefined) {
      this.#anchors.set(yaml.anchor, { node, values: this.#values - before })
    }
    return node
  }

  #convert(yaml: ParsedNode, path: readonly string[]): Node {
    const offset = yaml.range[0]
    const place = this.#place(offset)
    const empty: Node = { kind: 'scalar', value: null, unresolved: true, place }
    this.#values++
    if (isAlias(yaml)) {
      const target = this.#anchors.get(yaml.source)
      if (target === undefined) {
        this.#refuse(offset, 'refers to an anchor that is not set before it', '', path)
        return empty
      }
      this.#values += target.values
      if (++this.#aliases === maxAliases + 1) {
        this.#refuse(
          offset,
          `has more than ${maxAliases} aliases`,
          'Use `defaults`, `count` or `variables`.',
          path,
        )
      }
      if (this.#aliases > maxAliases) return empty
      if (this.#values > maxValues) {
        this.#refuse(offset, 'expands to too many values', 'Aliases of aliases multiply; use fewer.', path)
        this.#aliases = maxAliases + 1
        return empty
      }
      // The use is where the reader looks, so the alias lends its place to what it stands for.
      return { ...target.node, place }
    }
    if (isScalar(yaml)) {
      const value = this.#scalar(yaml.value, offset, path)
      return value === undefined ? empty : { kind: 'scalar', value, place }
    }
    if (isSeq(yaml)) {
      const items = yaml.items.map((item, index) => this.#node(item as ParsedNode, [...path, String(index)]))
      return { kind: 'list', items, place }
    }
    return { kind: 'map', entries: isMap(yaml) ? this.#entries(yaml.items as never, path) : new Map(), place }
  }

  #entries(
    pairs: readonly { readonly key: ParsedNode; readonly value: ParsedNode | null }[],
    path: readonly string[],
  ): ReadonlyMap<string, Entry> {
    const entries = new Map<string, Entry>()
    for (const { key, value } of pairs) {
      const offset = key.range[0]
      const name = isScalar(key) && key.value !== null ? this.#keyName(key) : undefined
      if (name === undefined)
        this.#refuse(offset, 'is not usable as a key', 'Use a text; quote it if it begins with a sign.', path)
      else if (name === '__proto__') this.#refuse(offset, '`__proto__` is not accepted as a key', '', path)
      else if (name === '<<')
        this.#refuse(
          offset,
          'merge keys are not accepted',
          'YAML 1.2 has none; use `defaults` or `include`.',
          path,
        )
      else {
        const inside = [...path, name]
        const first = entries.get(name)
        const node: Node =
          value === null
            ? { kind: 'scalar', value: null, place: this.#place(offset) }
            : this.#node(value, inside)
        if (first === undefined) entries.set(name, { key: this.#place(offset), node })
        else this.#refuse(offset, 'is given twice', 'Remove one of the two, or join them.', inside)
      }
    }
    return entries
  }

  /** As it stands in the text: `1` and `1.0` are different names. */
  #keyName(key: { readonly value: unknown; readonly source?: string }): string {
    return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
  }

  #scalar(value: unknown, offset: number, path: readonly string[]): Scalar | undefined {
    if (typeof value === 'number' && !Number.isFinite(value)) {
      this.#refuse(offset, 'is not a finite number', '', path)
      return undefined
    }
    if (
      value === null ||
      typeof value === 'string' ||
      typeof value === 'number' ||
      typeof value === 'boolean'
    )
      return value
    this.#refuse(offset, 'is of a type that is not accepted', 'Use text, numbers, `true` and `false`.', path)
    return undefined
  }

  #isExhausted(): boolean {
    return this.#aliases > maxAliases || this.#values > maxValues
  }

  #place(offset: number): Place {
    return { source: this.#source, offset }
  }

  #refuse(offset: number, message: string, hint: string, path: readonly string[] = []): void {
    this.#problems.push(problemAt(this.#place(Math.min(offset, this.#text.length)), { path, message, hint }))
  }
}

const tagRefused = [
  'tags are not accepted',
  'Remove the word that begins with `!`, or quote the text.',
] as const
