import { expect, it } from 'vitest'
import { Painter } from './painter.ts'

/** As much of a terminal as the painter uses. Lines longer than the width are cut, as with DECAWM off. */
class Terminal {
  columns = 20
  sent = ''
  cursor: 'shown' | 'hidden' = 'shown'
  wrap: 'on' | 'off' = 'on'
  #lines: string[] = ['']
  #row = 0
  #column = 0

  write(text: string): void {
    this.sent = text
    // oxlint-disable-next-line no-control-regex -- a terminal is made of these
    for (const [part] of text.matchAll(/\u001b\[\??\d*[A-Za-z]|\r|\n|[^\u001b\r\n]+/g)) this.#take(part)
  }

  get text(): string {
    return this.#lines.join('\n').trimEnd()
  }

  #take(part: string): void {
    // oxlint-disable-next-line no-control-regex -- as above
    const up = /^\u001b\[(\d+)A$/.exec(part)
    if (up !== null) this.#row = Math.max(0, this.#row - Number(up[1]))
    else if (part === '\u001b[?25l') this.cursor = 'hidden'
    else if (part === '\u001b[?25h') this.cursor = 'shown'
    else if (part === '\u001b[?7l') this.wrap = 'off'
    else if (part === '\u001b[?7h') this.wrap = 'on'
    else if (part === '\u001b[K') this.#lines[this.#row] = this.#line.slice(0, this.#column)
    else if (part === '\u001b[J')
      this.#lines = [...this.#lines.slice(0, this.#row), this.#line.slice(0, this.#column)]
    else if (part === '\r') this.#column = 0
    else if (part === '\n') this.#lines[++this.#row] ??= ''
    else {
      this.#lines[this.#row] = (
        this.#line.slice(0, this.#column) +
        part +
        this.#line.slice(this.#column + part.length)
      ).slice(0, this.columns)
      this.#column += part.length
    }
  }

  get #line(): string {
    return this.#lines[this.#row] ?? ''
  }
}

function opened(...lines: readonly string[]) {
  const terminal = new Terminal()
  terminal.write('$ vmwright apply\r\n')
  const painter = new Painter(terminal)
  painter.paint(lines)
  return { terminal, painter }
}

it('writes a block below what is there and hides the cursor', () => {
  const { terminal } = opened('one', 'two')
  expect(terminal.text).toBe('$ vmwright apply\none\ntwo')
  expect(terminal).toMatchObject({ cursor: 'hidden', wrap: 'on' })
})

it('sends only lines that changed', () => {
  const { terminal, painter } = opened('one', 'two', 'three')
  painter.paint(['one', 'TWO', 'three'])
  expect(terminal.text).toBe('$ vmwright apply\none\nTWO\nthree')
  expect(terminal.sent).not.toMatch(/one|three/)
})

it('sends nothing when nothing changed', () => {
  const { terminal, painter } = opened('one')
  terminal.sent = ''
  painter.paint(['one'])
  expect(terminal.sent).toBe('')
})

it('removes lines that are gone and the end of lines that became shorter', () => {
  const { terminal, painter } = opened('a long line', 'two', 'three')
  painter.paint(['short'])
  expect(terminal.text).toBe('$ vmwright apply\nshort')
})

it('puts what stays above the block', () => {
  const { terminal, painter } = opened('one', 'two')
  painter.above('warning: something')
  expect(terminal.text).toBe('$ vmwright apply\nwarning: something\none\ntwo')
  expect(terminal.cursor).toBe('hidden')
})

it('writes all anew after the width changed', () => {
  const { terminal, painter } = opened('one', 'two')
  terminal.columns = 10
  painter.paint(['one', 'two'])
  expect(terminal.text).toBe(
    '$ vmwright apply\none\ntwo'
      .split('\n')
      .map((line) => line)
      .join('\n'),
  )
  expect(terminal.sent).toMatch(/one[^]*two/)
})

it('goes up by the rows that broken lines take after the terminal became narrower', () => {
  const { terminal, painter } = opened('0123456789', 'two')
  terminal.columns = 4
  painter.paint(['0123', 'two'])
  expect(terminal.sent).toContain('\u001b[4A')
})

it.each(['clear', 'leave'] as const)('gives the cursor back on %s, once', (how) => {
  const { terminal, painter } = opened('one')
  painter[how]()
  expect(terminal).toMatchObject({ cursor: 'shown', wrap: 'on' })
  expect(terminal.text).toBe(how === 'clear' ? '$ vmwright apply' : '$ vmwright apply\none')
  terminal.sent = ''
  painter[how]()
  expect(terminal.sent).toBe('')
})
