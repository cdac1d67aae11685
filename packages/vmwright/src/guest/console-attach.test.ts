import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { ConsoleStream } from '../hypervisor/guest-access.ts'
import { Progress } from '../lib/progress.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { attachConsole } from './console-attach.ts'

class FakeInput extends EventEmitter {
  readonly isTTY = true
  isRaw = false
  readonly modes: boolean[] = []
  paused = true

  setRawMode(raw: boolean): void {
    this.isRaw = raw
    this.modes.push(raw)
  }

  resume(): void {
    this.paused = false
  }

  pause(): void {
    this.paused = true
  }
}

function setUp(
  shown: readonly string[] = [],
  options: { readonly ends?: boolean; readonly writeFails?: boolean } = {},
) {
  const input = new FakeInput()
  const sent: string[] = []
  const screen: string[] = []
  let disposed = 0
  const console: ConsoleStream = {
    async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
      for (const text of shown) yield Buffer.from(text)
      if (options.ends !== true) await new Promise(() => {})
    },
    async write(data) {
      if (options.writeFails === true) throw new Error('the stream broke')
      sent.push(Buffer.from(data).toString())
    },
    async [Symbol.asyncDispose]() {
      disposed += 1
    },
  }
  const output = {
    write(data: Uint8Array, onWritten: () => void) {
      screen.push(Buffer.from(data).toString())
      onWritten()
      return true
    },
  }
  const cancel = new AbortController()
  const progress = new Progress(createFakeSeam(), { signal: cancel.signal })
  const attached = attachConsole(progress, console, { input, output })
  const type = (text: string): boolean => input.emit('data', Buffer.from(text))
  return { attached, cancel, input, sent, screen, type, disposals: () => disposed }
}

describe('K10: the interactive console', () => {
  it('passes keys to the guest, Ctrl-C too, until Ctrl-]', async () => {
    const { attached, type, sent, screen, input, disposals } = setUp(['web-1 login: '])
    expect(input.isRaw).toBe(true)
    type('root\r')
    type('\x03')
    type('ls\x1dnot this')
    expect(await attached).toBe('left')
    expect(sent.join('')).toBe('root\r\x03ls')
    expect(screen).toEqual(['web-1 login: '])
    expect(input).toMatchObject({ isRaw: false, paused: true })
    expect(disposals()).toBe(1)
  })

  it('ends with the console', async () => {
    const { attached, input } = setUp(['bye'], { ends: true })
    expect(await attached).toBe('ended')
    expect(input.modes).toEqual([true, false])
  })

  it('ends with the input', async () => {
    const { attached, input, type, sent } = setUp()
    type('last words')
    input.emit('end')
    expect(await attached).toBe('left')
    expect(sent).toEqual(['last words'])
  })

  it.each([
    [
      'the console breaks',
      { writeFails: true },
      (each: ReturnType<typeof setUp>): void => void each.type('x'),
      'the stream broke',
    ],
    [
      'it is cancelled',
      {},
      (each: ReturnType<typeof setUp>): void => each.cancel.abort(new Error('enough')),
      'enough',
    ],
  ])('puts the terminal back when %s', async (_, options, act, message) => {
    const each = setUp([], options)
    act(each)
    await expect(each.attached).rejects.toThrow(message)
    expect(each.input).toMatchObject({ isRaw: false, paused: true })
    expect(each.input.listenerCount('data')).toBe(0)
    expect(each.disposals()).toBe(1)
  })
})
