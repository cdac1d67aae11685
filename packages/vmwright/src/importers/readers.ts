import { textOf } from '../spec/ansible/jinja-filters.ts'
import type { Plain } from './draft.ts'
import type { Value } from '../spec/ansible/value.ts'

/** Called for each value that is not what is expected; the rest is still read. */
export type Ask = (value: Value, expected: string) => void

/** A value as plain data; `undefined` when there is nothing that could be taken (and `ask` was called). */
export type Reader<T> = (value: Value, ask: Ask) => T | undefined

/** Text, as Jinja prints it where it was written as number or boolean. */
export const asText: Reader<string> = (value, ask) => {
  if (value.kind === 'scalar' && value.value !== null && value.value !== '') return textOf(value.value)
  return refused(value, ask, 'a text')
}

export const asWhole: Reader<number> = (value, ask) => {
  const number =
    value.kind === 'scalar' && typeof value.value !== 'boolean' && value.value !== null && value.value !== ''
      ? Number(value.value)
      : Number.NaN
  return Number.isSafeInteger(number) ? number : refused(value, ask, 'a whole number')
}

/** Real booleans, and the words that Ansible's `bool` filter knows. */
export const asFlag: Reader<boolean> = (value, ask) => {
  if (value.kind === 'scalar') {
    if (typeof value.value === 'boolean') return value.value
    const word = String(value.value).toLowerCase()
    if (['true', 'yes', 'on', '1'].includes(word)) return true
    if (['false', 'no', 'off', '0'].includes(word)) return false
  }
  return refused(value, ask, '`true` or `false`')
}

export const asList =
  <T>(item: Reader<T>): Reader<readonly T[]> =>
  (value, ask) => {
    if (value.kind !== 'list') return refused(value, ask, 'a list')
    const items: T[] = []
    for (const each of value.items) {
      const read = item(each, ask)
      if (read !== undefined) items.push(read)
    }
    return items
  }

export const asTexts: Reader<readonly string[]> = asList(asText)

/** Anything, deep; what cannot be taken is asked and left out. */
export const asPlain: Reader<Plain> = (value, ask) => {
  if (value.kind === 'scalar') return value.value ?? undefined
  if (value.kind === 'list')
    return value.items.map((item) => asPlain(item, ask)).filter((item) => item !== undefined)
  if (value.kind !== 'map') return refused(value, ask, 'a value')
  const entries = [...value.entries].map(([key, inner]) => [key, asPlain(inner, ask)] as const)
  return Object.fromEntries(entries.filter((entry): entry is [string, Plain] => entry[1] !== undefined))
}

/** One of some words, case left out. */
export const asOneOf =
  <const T extends string>(words: readonly T[]): Reader<T> =>
  (value, ask) => {
    const text = value.kind === 'scalar' ? textOf(value.value).toLowerCase() : ''
    const word = words.find((each) => each.toLowerCase() === text)
    return word ?? refused(value, ask, `one of ${words.join(', ')}`)
  }

/** A text of a form; `expected` says which, without the article left out: `an IPv4 address`. */
export const asMatching =
  (pattern: RegExp, expected: string): Reader<string> =>
  (value, ask) => {
    const text = value.kind === 'scalar' ? textOf(value.value) : ''
    return pattern.test(text) ? text : refused(value, ask, expected)
  }

export const asIpv4: Reader<string> = asMatching(
  /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/,
  'an IPv4 address',
)

/** SSH public keys: lines, or files that have them. */
export const asKey: Reader<Plain> = (value, ask) =>
  value.kind === 'file' ? { file: value.path } : asText(value, ask)

export function refused(value: Value, ask: Ask, expected: string): undefined {
  ask(value, expected)
}

/** What is the matter with a value, in words that have nothing of it. */
export function matterOf(value: Value, expected: string): string {
  switch (value.kind) {
    case 'question':
      return value.text === '' ? value.why : `${value.why}: ${value.text}`
    case 'secret':
      return 'a secret in clear, which is not written out'
    case 'vault':
      return 'encrypted by ansible-vault, so not read'
    case 'env':
      return `the environment variable ${value.name} is not read; ${expected} belongs here`
    case 'file':
      return `the file ${value.path} is not read; ${expected} belongs here`
    case 'omit':
    case 'scalar':
    case 'list':
    case 'map':
      return `is not ${expected}`
  }
}
