import { expect, it } from 'vitest'
import { AfterMarker } from './channel-launch.ts'
import { OutputText } from './channel-output.ts'

const texts = ['', 'plain', 'Grüße', '€', '𝄞 and 🐧🐧', `${'x'.repeat(300)}é\r\n`, '\u0000\uFFFD']

it('G5: gives whole characters, however their bytes are split', () => {
  for (const text of texts) {
    const bytes = Buffer.from(text)
    for (let one = 0; one <= bytes.length; one++)
      for (let other = one; other <= Math.min(bytes.length, one + 6); other++) {
        const parts: string[] = []
        const output = new OutputText((part) => parts.push(part))
        for (const piece of [bytes.subarray(0, one), bytes.subarray(one, other), bytes.subarray(other)])
          output.push(piece)
        expect(output.end()).toBe(text)
        expect(parts.join('')).toBe(text)
        expect(
          parts.every((part) => part.isWellFormed() && (text.includes('\uFFFD') || !part.includes('\uFFFD'))),
        ).toBe(true)
      }
  }
})

it('G5: what is no UTF-8 stands as one character that says so', () => {
  const output = new OutputText()
  output.push(Buffer.from([0x61, 0xe2, 0x82]))
  expect(output.end()).toBe('a\uFFFD')
})

it('G5: keeps the last 256 KiB, and never begins with half a character', () => {
  for (const shift of [0, 1]) {
    const output = new OutputText()
    const piece = Buffer.from('🐧'.repeat(50_000))
    output.push(Buffer.from('x'.repeat(shift)))
    for (let round = 0; round < 20; round++) output.push(piece)
    output.push(Buffer.from('.'.repeat(1)))
    const kept = output.end()
    expect(kept.isWellFormed()).toBe(true)
    expect(kept.length).toBeGreaterThanOrEqual(256 * 1024 - 1)
    expect(kept.length).toBeLessThanOrEqual(256 * 1024)
  }
})

it('G5: finds the beginning of a command behind any noise, wherever it is split', () => {
  const bytes = Buffer.from('noise vmwright:other 1\nmore\nvmwright:abc 42\nfirst\nvmwright:abc 43\n')
  for (let at = 0; at <= bytes.length; at++) {
    const filter = new AfterMarker('abc')
    const pieces = [filter.push(bytes.subarray(0, at)), filter.push(bytes.subarray(at))]
    expect(Buffer.concat(pieces).toString()).toBe('first\nvmwright:abc 43\n')
    expect(filter.missing).toBeUndefined()
  }
})
