import type { Progress } from '../lib/progress.ts'
import type { AgentFiles } from './channel-agent-files.ts'
import { AfterMarker } from './channel-launch.ts'
import type { OutputText } from './channel-output.ts'

/** Of one output, between two looks at the command itself. */
const looksBytes = 1024 * 1024
/** Fewer bytes than writes cannot be. */
const writesInSegment = 64

/** Reads one output as it grows, file by file. */
export class OutputFollower {
  readonly #files: AgentFiles
  readonly #path: string
  readonly #filter: AfterMarker
  readonly #output: OutputText
  #segment = 0
  #bytes = 0
  #handle: number | undefined

  constructor(files: AgentFiles, path: string, nonce: string, output: OutputText) {
    this.#files = files
    this.#path = path
    this.#filter = new AfterMarker(nonce)
    this.#output = output
  }

  /** What came instead of the command. */
  get missing(): string | undefined {
    return this.#filter.missing
  }

  /** Reads what there is; all of it if nothing more comes, else no more than fits between two looks. Returns how much. */
  async advance(progress: Progress, isLast: boolean): Promise<number> {
    const most = isLast ? Number.POSITIVE_INFINITY : looksBytes
    let total = 0
    while (total < most) {
      this.#handle ??= await this.#files.open(progress, `${this.#path}.${this.#segment}`, 'r')
      if (this.#handle === undefined) return total
      const read = await this.#readOn(progress, this.#handle)
      total += read
      if (read > 0) continue
      if (!isLast && this.#bytes < writesInSegment) return total
      const next = await this.#files.open(progress, `${this.#path}.${this.#segment + 1}`, 'r')
      if (next === undefined) return total
      // The next one is begun when this one is whole; what came in between is read first.
      while ((await this.#readOn(progress, this.#handle)) > 0) total++
      await this.#files.close(progress, this.#handle)
      await this.#files.empty(progress, `${this.#path}.${this.#segment}`)
      this.#handle = next
      this.#segment++
      this.#bytes = 0
    }
    return total
  }

  async close(progress: Progress): Promise<void> {
    if (this.#handle !== undefined) await this.#files.close(progress, this.#handle)
    this.#handle = undefined
  }

  /** How much there was, 0 at the end. */
  async #readOn(progress: Progress, handle: number): Promise<number> {
    const chunk = await this.#files.next(progress, handle)
    this.#output.push(this.#filter.push(chunk))
    this.#bytes += chunk.length
    return chunk.length
  }
}
