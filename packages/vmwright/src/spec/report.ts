import {
  entryAt,
  type Finding,
  type Node,
  type Path,
  type Place,
  placeAround,
  problemAt,
  writtenPath,
} from './node.ts'
import type { Problem } from './problem.ts'

/** Where settings of an instance may come from, the strongest first; the last is `defaults`. */
export type Layers = readonly [Path, ...Path[]]

/** The merged text as it was written, and what is left of it when faulty parts are taken out. */
export interface Trees {
  readonly written: Node
  readonly sound: Node
}

/**
 * Collects what the rules find, at the places of the text. The rules see the sound tree; what was written but is
 * faulty has been told already and is only asked for with `isWritten`, to keep one fault from causing another.
 */
export class Report {
  readonly #trees: Trees
  readonly #problems: Problem[]

  constructor(trees: Trees, problems: Problem[]) {
    this.#trees = trees
    this.#problems = problems
  }

  /** At the value at a path, or at what is nearest when there is none. */
  at(path: Path, message: string, hint?: string, severity: Finding['severity'] = 'error'): void {
    this.#tell(this.placeOf(path), path, message, hint, severity)
  }

  /** At the key of the value at a path. */
  atKey(path: Path, message: string, hint?: string): void {
    this.#tell(placeAround(this.#trees.sound, path), path, message, hint, 'error')
  }

  /** At the value in the strongest layer that has it; at the key of the strongest layer when none has. */
  within(layers: Layers, path: Path, message: string, hint?: string, severity?: Finding['severity']): void {
    const found = this.find(layers, path)
    if (found !== undefined) return this.at(found, message, hint, severity)
    const full = [...layers[0], ...path]
    this.#tell(placeAround(this.#trees.sound, full), full, message, hint, severity)
  }

  /**
   * At the key of a setting that the instance itself has, where it has no meaning. The same in `defaults`, which are
   * for others too, is passed over.
   */
  own(layers: Layers, path: Path, message: string, hint?: string, severity?: Finding['severity']): void {
    const found = this.find(layers.slice(0, -1), path)
    if (found === undefined) return
    this.#tell(placeAround(this.#trees.sound, found), found, message, hint, severity)
  }

  /** The full path of a setting in the strongest layer that has it. */
  find(layers: readonly Path[], path: Path): Path | undefined {
    return layers
      .map((layer) => [...layer, ...path])
      .find((full) => entryAt(this.#trees.sound, full) !== undefined)
  }

  /** Whether there is something at the path in the text, faulty or not. */
  isWritten(path: Path): boolean {
    return entryAt(this.#trees.written, path) !== undefined
  }

  /** The same for any of the layers. */
  isWrittenWithin(layers: readonly Path[], path: Path): boolean {
    return layers.some((layer) => this.isWritten([...layer, ...path]))
  }

  /** The keys of the mapping at a path, the faulty ones too. */
  keys(path: Path): readonly string[] {
    const node = entryAt(this.#trees.written, path)?.node
    return node?.kind === 'map' ? [...node.entries.keys()] : []
  }

  placeOf(path: Path): Place {
    const { sound, written } = this.#trees
    return (entryAt(sound, path) ?? entryAt(written, path))?.node.place ?? placeAround(sound, path)
  }

  #tell(place: Place, path: Path, message: string, hint?: string, severity?: Finding['severity']): void {
    const shown = writtenPath(this.#trees.sound, path)
    this.#problems.push(problemAt(place, { path: shown, message, hint, severity: severity ?? 'error' }))
  }
}
