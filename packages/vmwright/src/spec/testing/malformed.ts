import { sound } from './sound-spec.ts'

export interface Mutated {
  readonly kind: string
  readonly bytes: Uint8Array
  /** The wrong token, where it is known. */
  readonly place: { readonly line: number; readonly column: number; readonly length: number } | undefined
}

type Random = (below: number) => number

/** The malformed spec of that number: always the same. */
export function mutate(seed: number): Mutated {
  const random = generator(seed)
  const mutation = mutations[seed % mutations.length] ?? flipBytes
  return mutation(random)
}

/** mulberry32, a small generator of good enough quality. */
function generator(seed: number): Random {
  let state = seed * 0x9e3779b1
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const lines = sound.split('\n')
const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)] as T

/** Lines `key: value` whose value is checked, with the columns of both. */
const fields = lines.flatMap((text, index) => {
  const match = /^( *(?:- )?)([A-Za-z0-9-]+): (\S.*)$/.exec(text)
  if (match === null || index === 3 || /[&|]/.test(text)) return []
  const [, indent = '', key = '', value = ''] = match
  return [
    { index, indent, key, value, keyColumn: indent.length + 1, valueColumn: indent.length + key.length + 3 },
  ]
})

const withLine = (index: number, text: string): Uint8Array => encode(lines.with(index, text).join('\n'))

function flipBytes(random: Random): Mutated {
  const bytes = encode(sound)
  for (let flips = random(8) + 1; flips > 0; flips--) bytes[random(bytes.length)] = random(256)
  return { kind: 'byte flips', bytes, place: undefined }
}

function cut(random: Random): Mutated {
  const bytes = encode(sound)
  return { kind: 'cut', bytes: bytes.subarray(random(bytes.length), random(bytes.length)), place: undefined }
}

function misspellKey(random: Random): Mutated {
  const { index, indent, key, value, keyColumn } = pick(random, fields)
  const at = random(key.length)
  const wrong = `${key.slice(0, at)}zq${key.slice(at)}`
  const place = { line: index + 1, column: keyColumn, length: wrong.length }
  return { kind: `key ${wrong}`, bytes: withLine(index, `${indent}${wrong}: ${value}`), place }
}

const wrongValues = [
  '[[1]]',
  '{ zq: { zq: 1 } }',
  '[{ zq: 1 }]',
  '-999999999999999999999',
  '1e400',
  '.nan',
  '!custom x',
] as const

function wrongValue(random: Random): Mutated {
  const { index, indent, key, valueColumn } = pick(random, fields)
  const value = pick(random, wrongValues)
  const place = { line: index + 1, column: valueColumn, length: value.length }
  return { kind: `${key}: ${value}`, bytes: withLine(index, `${indent}${key}: ${value}`), place }
}

function repeatKey(random: Random): Mutated {
  const plain = fields.filter((field) => !field.indent.includes('-'))
  const { index, indent, key, value, keyColumn } = pick(random, plain)
  const text = lines.toSpliced(index + 1, 0, `${indent}${key}: ${value}`).join('\n')
  return {
    kind: `twice ${key}`,
    bytes: encode(text),
    place: { line: index + 2, column: keyColumn, length: key.length },
  }
}

function insertByte(random: Random): Mutated {
  const line = random(lines.length - 1)
  const column = random((lines[line]?.length ?? 0) + 1)
  const text = lines[line] ?? ''
  const before = encode(`${lines.slice(0, line).join('\n')}${line === 0 ? '' : '\n'}${text.slice(0, column)}`)
  const after = encode(`${text.slice(column)}\n${lines.slice(line + 1).join('\n')}`)
  const byte = pick(random, [0, 0xff, 0xc3, 0xed])
  return {
    kind: `byte ${byte}`,
    bytes: Uint8Array.from([...before, byte, ...after]),
    place: { line: line + 1, column: column + 1, length: 1 },
  }
}

function deep(random: Random): Mutated {
  const { index, indent, key, valueColumn } = pick(random, fields)
  const [open, close] = pick(random, [
    ['[', ']'],
    ['{ a: ', '}'],
    ['- ', ''],
  ] as const)
  const depth = 40 + random(3000)
  const text = `${indent}${key}: ${open.repeat(depth)}x${close.repeat(depth)}`
  const known = depth > 60 && open === '['
  return {
    kind: `depth ${depth}`,
    bytes: withLine(index, text),
    place: known ? { line: index + 1, column: valueColumn, length: 60 } : undefined,
  }
}

function aliases(random: Random): Mutated {
  const levels = 2 + random(10)
  const width = 2 + random(40)
  const bomb = Array.from(
    { length: levels },
    (_, level) =>
      `  v${level + 1}: &v${level + 1} [${Array.from({ length: width }, () => `*v${level}`).join(', ')}]`,
  )
  return {
    kind: `aliases ${levels}×${width}`,
    bytes: encode(`${sound}zq:\n  v0: &v0 x\n${bomb.join('\n')}\n`),
    place: undefined,
  }
}

function otherEncoding(random: Random): Mutated {
  const little = Uint8Array.from([...sound].flatMap((character) => [character.codePointAt(0) ?? 0, 0]))
  const text = random(2) === 0 ? little : little.toReversed()
  return {
    kind: 'UTF-16',
    bytes: Uint8Array.from([...(random(2) === 0 ? [0xff, 0xfe] : []), ...text]),
    place: undefined,
  }
}

function shuffle(random: Random): Mutated {
  const mixed = [...lines]
  for (let swaps = 1 + random(10); swaps > 0; swaps--) {
    const [a, b] = [random(mixed.length), random(mixed.length)]
    ;[mixed[a], mixed[b]] = [mixed[b] ?? '', mixed[a] ?? '']
  }
  return {
    kind: 'swapped lines',
    bytes: encode(mixed.join(random(2) === 0 ? '\n' : '\r\n')),
    place: undefined,
  }
}

const signs = [
  '"',
  "'",
  '[',
  '{',
  '}',
  ']',
  ':',
  '\t',
  '&a ',
  '*a',
  '!',
  '|',
  '>',
  '%',
  '@',
  '`',
  '#',
  '---',
  '...',
  '? ',
  '- ',
  '${',
  '${zq}',
  '<<: ',
  '\\',
  '\u{2028}',
  '\u{1f600}',
]

function insertSigns(random: Random): Mutated {
  let text = sound
  for (let inserts = 1 + random(6); inserts > 0; inserts--) {
    const at = random(text.length)
    text = text.slice(0, at) + pick(random, signs) + text.slice(at)
  }
  return { kind: 'signs', bytes: encode(text), place: undefined }
}

function many(random: Random): Mutated {
  const line = pick(random, ['a%: 1', 'x%: [', '"%', '- %', '  k%: {a: b}', '? %', '&a% b', '{a%: {', "'"])
  const text = Array.from({ length: 500 + random(2500) }, (_, index) =>
    line.replace('%', String(index)),
  ).join('\n')
  return { kind: `many ${line}`, bytes: encode(`${random(2) === 0 ? sound : ''}${text}`), place: undefined }
}

const mutations = [
  misspellKey,
  flipBytes,
  wrongValue,
  cut,
  repeatKey,
  insertByte,
  deep,
  aliases,
  otherEncoding,
  shuffle,
  insertSigns,
  many,
]
