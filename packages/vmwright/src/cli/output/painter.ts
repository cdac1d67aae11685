import { stripVTControlCharacters } from 'node:util'

/** The parts of a terminal that a painter needs; `process.stderr` has them. */
export interface Screen {
  readonly columns: number
  write(text: string): unknown
}

const hideCursor = '\u001b[?25l'
const showCursor = '\u001b[?25h'
/** Lines that are too wide for this terminal are cut, not broken: the picture keeps its height (DECAWM). */
const wrapOff = '\u001b[?7l'
const wrapOn = '\u001b[?7h'
const clearLine = '\u001b[K'
const clearBelow = '\u001b[J'

/**
 * A block of lines at the end of the terminal that is written again in place; only lines that changed are sent.
 * Above it the terminal scrolls as usual.
 */
export class Painter {
  readonly #screen: Screen
  #lines: readonly string[] = []
  #columns: number
  #isOpen = false

  constructor(screen: Screen) {
    this.#screen = screen
    this.#columns = screen.columns
  }

  paint(lines: readonly string[]): void {
    if (this.#isOpen && this.#columns === this.#screen.columns && same(lines, this.#lines)) return
    const start = this.#start()
    const body = lines
      .map((line, index) => (line === this.#lines[index] ? '' : `${line}${clearLine}`) + '\r\n')
      .join('')
    const rest = lines.length < this.#lines.length ? clearBelow : ''
    this.#screen.write(`${start}${wrapOff}${body}${rest}${wrapOn}`)
    this.#lines = lines
  }

  /** Text that stays, above the block. */
  above(text: string): void {
    const lines = this.#lines
    this.clear()
    this.#screen.write(text.endsWith('\n') ? text : `${text}\n`)
    if (lines.length > 0) this.paint(lines)
  }

  /** Takes the block away and gives the cursor back. The next `paint` starts a new block. */
  clear(): void {
    if (!this.#isOpen) return
    this.#screen.write(`${up(this.#height())}${clearBelow}${showCursor}`)
    this.#lines = []
    this.#isOpen = false
  }

  /** Leaves the block where it is and gives the cursor back. May be called at any time, twice. */
  leave(): void {
    if (!this.#isOpen) return
    this.#screen.write(`${wrapOn}${showCursor}`)
    this.#lines = []
    this.#isOpen = false
  }

  /** To the first line of the block. After a change of width the terminal may have broken lines: all is new then. */
  #start(): string {
    const opening = this.#isOpen ? '' : hideCursor
    const isResized = this.#columns !== this.#screen.columns
    const start = opening + up(isResized ? this.#height() : this.#lines.length)
    this.#isOpen = true
    if (!isResized) return start
    this.#columns = this.#screen.columns
    this.#lines = []
    return start + clearBelow
  }

  /** Rows that the block takes now, with lines broken by a terminal that became narrower. */
  #height(): number {
    const columns = Math.max(1, this.#screen.columns)
    return this.#lines.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns)),
      0,
    )
  }
}

const up = (rows: number): string => (rows > 0 ? `\u001b[${rows}A\r` : '\r')

const same = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((line, index) => line === b[index])
