import { inspect } from 'node:util'

/**
 * A value that must not be shown. It prints as `***` in text, JSON and `util.inspect`; `reveal()` is the only
 * way out and is called at the moment of use.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '***'
  }

  toJSON(): string {
    return '***'
  }

  [inspect.custom](): string {
    return '***'
  }
}

/** Where a secret comes from. It is read at the moment of use, never while parsing or planning. */
export type SecretRef =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'literal'; readonly value: Secret }
