import type { Scalar } from '../node.ts'

/** Where something stands in a file of Ansible's. */
export interface Place {
  /** As shown to the reader. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1; absent: the first. */
  readonly column?: number
}

export const placeText = ({ file, line }: Place): string => `${file}:${line}`

/**
 * A value of a file of Ansible's, with its place. What must not or cannot be read stays a kind of its own, so
 * that nobody can take it for a value by mistake.
 */
export type Value = { readonly place: Place } &
  /** `literal`: not to be searched for expressions (`!unsafe`, or the result of one). */
  (
    | { readonly kind: 'scalar'; readonly value: Scalar; readonly literal?: boolean }
    | { readonly kind: 'list'; readonly items: readonly Value[] }
    | { readonly kind: 'map'; readonly entries: ReadonlyMap<string, Value> }
    /** A value in clear under a name that tells of a secret. The value itself is gone. */
    | { readonly kind: 'secret' }
    /** Encrypted by ansible-vault. */
    | { readonly kind: 'vault' }
    /** `lookup('env', name)` */
    | { readonly kind: 'env'; readonly name: string }
    /** `lookup('file', path)`: the path; the file is not read. */
    | { readonly kind: 'file'; readonly path: string }
    /** An expression (or tag) that is not resolved, and why. `text` has no literals in it. */
    | { readonly kind: 'question'; readonly text: string; readonly why: string }
    /** `default(omit)`: as if it were not there. */
    | { readonly kind: 'omit' }
  )

export type MapValue = Extract<Value, { kind: 'map' }>
export type ListValue = Extract<Value, { kind: 'list' }>

export const scalarAt = (place: Place, value: Scalar): Value => ({
  kind: 'scalar',
  value,
  place,
  literal: true,
})

export const emptyMap = (place: Place): MapValue => ({ kind: 'map', entries: new Map(), place })

/** The entries of a mapping; nothing for anything else. */
export const entriesOf = (value: Value | undefined): ReadonlyMap<string, Value> =>
  value?.kind === 'map' ? value.entries : new Map()

/** The items of a list; nothing for anything else. */
export const itemsOf = (value: Value | undefined): readonly Value[] =>
  value?.kind === 'list' ? value.items : []

/** A text of a file as part of a line for people: no line breaks, no control characters. */
export const plainLine = (text: string): string =>
  text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\p{Cc}|\p{Cf}/gu, '\uFFFD')
    .trim()

/** Names whose values are not taken over, nor shown anywhere. */
export const isSecretName = (name: string): boolean =>
  /(pass|password|passwd|passphrase|pw|secret|token)$/i.test(name)

/** Two mappings as Ansible's `combine(recursive=true)` does it: the second wins, lists are replaced. */
export function mergeValues(under: Value | undefined, over: Value): Value {
  if (under?.kind !== 'map' || over.kind !== 'map') return over
  const entries = new Map(under.entries)
  for (const [name, value] of over.entries) entries.set(name, mergeValues(entries.get(name), value))
  return { ...over, entries }
}
