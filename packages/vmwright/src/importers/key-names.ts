/** Keys of the spec for things of the old system: the same thing has the same key, another one another. */
export class KeyNames {
  readonly #owners = new Map<string, string>()

  /** The key that is wanted, with a number where something else has it. `what` tells things apart. */
  keyFor(wanted: string, what: string): string {
    const base = wanted.slice(0, 60)
    for (let number = 1; ; number++) {
      const key = number === 1 ? base : `${base}-${number}`
      const owner = this.#owners.get(key)
      if (owner !== undefined && owner !== what) continue
      this.#owners.set(key, what)
      return key
    }
  }
}
