import { entryAt, type Finding, type Node, type Path, type Place, placeAround, problemAt } from './node.ts'
import type { Problem } from './problem.ts'

/** Where settings of an instance may come from, the strongest first. */
export type Layers = readonly [Path, ...Path[]]

/** Collects what the rules find, at the places of the merged text. */
export class Report {
  readonly #root: Node
  readonly #problems: Problem[]

  constructor(root: Node, problems: Problem[]) {
    this.#root = root
    this.#problems = problems
  }

  /** At the value at a path, or at what is nearest when there is none. */
  at(path: Path, message: string, hint?: string, severity: Finding['severity'] = 'error'): void {
    this.#problems.push(problemAt(this.placeOf(path), { path, message, hint, severity }))
  }

  /** At the key of the value at a path. */
  atKey(path: Path, message: string, hint?: string): void {
    this.#problems.push(problemAt(placeAround(this.#root, path), { path, message, hint }))
  }

  /** At the value in the strongest layer that has it; at the key of the strongest layer when none has. */
  within(layers: Layers, path: Path, message: string, hint?: string, severity?: Finding['severity']): void {
    const found = this.find(layers, path)
    if (found !== undefined) this.at(found, message, hint, severity)
    else
      this.#problems.push(
        problemAt(placeAround(this.#root, layers[0]), {
          path: [...layers[0], ...path],
          message,
          hint,
          severity: severity ?? 'error',
        }),
      )
  }

  /** The full path of a setting in the strongest layer that has it. */
  find(layers: Layers, path: Path): Path | undefined {
    return layers.map((layer) => [...layer, ...path]).find((full) => this.has(full))
  }

  has(path: Path): boolean {
    return entryAt(this.#root, path) !== undefined
  }

  /** The keys of the mapping at a path, the faulty ones too. */
  keys(path: Path): readonly string[] {
    const node = entryAt(this.#root, path)?.node
    return node?.kind === 'map' ? [...node.entries.keys()] : []
  }

  placeOf(path: Path): Place {
    return entryAt(this.#root, path)?.node.place ?? placeAround(this.#root, path)
  }
}
