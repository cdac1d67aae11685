/**
 * Collects undo actions while something is made. `success()` keeps the result; otherwise leaving the scope runs
 * the actions in reverse order. An undo that fails does not stop the others.
 *
 * ```ts
 * await using revert = new Revert()
 * const volume = await createVolume(…)
 * revert.add('remove volume', () => removeVolume(volume))
 * …
 * revert.success()
 * ```
 */
export class Revert {
  readonly #undos: { readonly what: string; readonly undo: () => Promise<void> }[] = []
  readonly #onFailure: ((what: string, error: unknown) => void) | undefined

  constructor(onFailure?: (what: string, error: unknown) => void) {
    this.#onFailure = onFailure
  }

  add(what: string, undo: () => Promise<void>): void {
    this.#undos.push({ what, undo })
  }

  success(): void {
    this.#undos.length = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { what, undo } of this.#undos.splice(0).toReversed()) {
      try {
        await undo()
      } catch (error) {
        this.#onFailure?.(what, error)
      }
    }
  }
}
