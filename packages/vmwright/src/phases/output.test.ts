import { describe, expect, it } from 'vitest'
import { Secret } from '../lib/secret.ts'
import { phaseOutput } from './output.ts'

const record = (...secrets: readonly string[]) => {
  const lines: string[] = []
  const output = phaseOutput(
    secrets.map((value) => new Secret(value)),
    (stream, text) => lines.push(`${stream}:${text}`),
  )
  return { output, lines, text: () => lines.join('') }
}

describe('the output of a phase', () => {
  it('G4: is passed on in whole lines, streams apart, the rest at the end', () => {
    const { output, lines } = record()
    for (const piece of ['a', 'b\nc\nd', '\n', 'e']) output.write('stdout', piece)
    output.write('stderr', 'bad')
    output.flush()
    expect(lines).toEqual(['stdout:ab\nc\n', 'stdout:d\n', 'stdout:e\n', 'stderr:bad\n'])
    expect(output.tail()).toEqual(['ab', 'c', 'd', 'e', 'bad'])
  })

  it('G4: has no secret in it, wherever it was cut', () => {
    const secret = 'correct-horse'
    const whole = `x ${secret} y\n${secret}${secret}\n`
    for (let first = 0; first <= whole.length; first++)
      for (const second of [first, first + 1, first + 5]) {
        const { output, text } = record(secret, 'correct')
        output.write('stdout', whole.slice(0, first))
        output.write('stdout', whole.slice(first, second))
        output.write('stdout', whole.slice(second))
        output.flush()
        expect(text().replaceAll('stdout:', '')).toBe('x *** y\n******\n')
      }
  })

  it('G4: has no secret at the end of a piece of a line that has no end', () => {
    const secret = 'correct-horse'
    const { output, text } = record(secret)
    const filler = 'x'.repeat(64 * 1024 - 5)
    output.write('stdout', `${filler}${secret.slice(0, 7)}`)
    output.write('stdout', `${secret.slice(7)}${filler}\n`)
    output.flush()
    expect(text().replaceAll(/stdout:|\n/g, '')).toBe(`${filler}***${filler}`)
  })

  it('G4: masks each line of a secret that has several', () => {
    const { output, text } = record('-----BEGIN\nabcdef\n-----END')
    output.write('stdout', 'key:\nabcdef\n-----END\n')
    expect(text()).toBe('stdout:key:\n***\n***\n')
  })
})
