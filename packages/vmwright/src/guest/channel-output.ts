import { StringDecoder } from 'node:string_decoder'

const keptCharacters = 256 * 1024

/**
 * The text of one output stream, whose bytes come in any pieces: passed on in whole characters, and its end kept.
 * What is kept is cut only when it has twice the length, so that endless output costs neither memory nor time.
 */
export class OutputText {
  readonly #decoder = new StringDecoder('utf8')
  readonly #onText: (text: string) => void
  #kept = ''

  constructor(onText: (text: string) => void = () => {}) {
    this.#onText = onText
  }

  push(bytes: Uint8Array): void {
    this.#take(this.#decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)))
  }

  /** What is left of a character that never became whole is passed on as one that stands for it. */
  end(): string {
    this.#take(this.#decoder.end())
    return tail(this.#kept)
  }

  #take(text: string): void {
    if (text === '') return
    this.#kept += text
    if (this.#kept.length > 2 * keptCharacters) this.#kept = tail(this.#kept)
    this.#onText(text)
  }
}

/** The last 256 KiB, which never begin with half a character. */
function tail(text: string): string {
  if (text.length <= keptCharacters) return text
  const first = text.charCodeAt(text.length - keptCharacters)
  const isSecondHalf = first >= 0xdc00 && first <= 0xdfff
  return text.slice(isSecondHalf ? 1 - keptCharacters : -keptCharacters)
}
