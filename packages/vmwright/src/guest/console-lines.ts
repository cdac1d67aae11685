/**
 * Cuts the bytes of a serial console into lines of plain text: escape sequences and control characters are gone,
 * a carriage return or a cursor movement ends a line as well, and a line has an upper bound.
 */
export class LineSplitter {
  readonly #decoder = new TextDecoder('utf-8')
  #pending = ''

  /** Complete lines of this chunk, without empty ones. */
  push(chunk: Uint8Array): readonly string[] {
    const text = this.#pending + this.#decoder.decode(chunk, { stream: true })
    const parts = text.replace(cursorMoves, '\n').split(/\r*\n|\r(?=[^\r\n])/)
    this.#pending = parts.pop() ?? ''
    if (this.#pending.length > longestLine) {
      parts.push(this.#pending)
      this.#pending = ''
    }
    return parts.map(plain).filter((line) => line !== '')
  }

  /** What stands on the last line so far: a prompt never ends with a line break. */
  get partial(): string {
    return plain(this.#pending)
  }
}

const longestLine = 4_096

/** Firmware and boot loaders place each line on the screen instead of ending the one before. */
// oxlint-disable-next-line no-control-regex -- the escape character is what is looked for
const cursorMoves = /\x1b\[\d*(?:;\d*)?[Hf]/g
/** ECMA-48: control sequences, operating system commands, then the shorter escapes. */
// oxlint-disable-next-line no-control-regex -- these are the characters to remove
const escapes = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]/g
// oxlint-disable-next-line no-control-regex -- likewise
const controls = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/g

const plain = (text: string): string =>
  text.slice(0, longestLine).replace(escapes, '').replace(controls, '').trimEnd()

/** The last lines of a console, at most `maxCharacters` in all. */
export class ConsoleTail {
  readonly #lines: string[] = []
  readonly #maxCharacters: number
  #characters = 0

  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters
  }

  add(line: string): void {
    this.#lines.push(line)
    this.#characters += line.length
    while (this.#characters > this.#maxCharacters) this.#characters -= this.#lines.shift()?.length ?? Infinity
  }

  last(count: number): readonly string[] {
    return this.#lines.slice(-count)
  }
}
