import type { RunEvent, StepSummary } from '@vmwright/contract'
import { stripVTControlCharacters } from 'node:util'
import pc from 'picocolors'

type OutputEvent = Extract<RunEvent, { kind: 'output' }>

/** Turns what guests print into lines that tell whose they are. */
export interface OutputLines {
  /** Names that will come, so that lines are aligned from the first one on. */
  announce(names: readonly string[]): void
  /** `web-1 main | text`, with `!` for the error stream. */
  render(event: OutputEvent): readonly string[]
}

/** Colours that neither look like success nor like failure. */
const guestColors = [
  'cyan',
  'magenta',
  'yellow',
  'blue',
  'cyanBright',
  'magentaBright',
  'yellowBright',
  'blueBright',
] as const

/** Columns become as wide as what has been seen, and each guest keeps the colour that it got first. */
export function openOutputLines(colors: boolean): OutputLines {
  const paint = pc.createColors(colors)
  const guests = new Map<string, (text: string) => string>()
  let nameWidth = 0
  let phaseWidth = 0

  const colorOf = (name: string): ((text: string) => string) => {
    const known = guests.get(name)
    if (known !== undefined) return known
    const color = paint[guestColors[guests.size % guestColors.length] ?? 'cyan']
    guests.set(name, color)
    return color
  }
  return {
    announce(names) {
      for (const name of names) {
        colorOf(name)
        nameWidth = Math.max(nameWidth, name.length)
      }
    },
    render({ instance, phase, stream, text }) {
      nameWidth = Math.max(nameWidth, instance.length)
      phaseWidth = Math.max(phaseWidth, phase.length)
      const label = `${instance.padEnd(nameWidth)} ${phase.padEnd(phaseWidth)}`
      const mark = stream === 'stderr' ? paint.red('!') : paint.dim('|')
      const prefix = `${colorOf(instance)(label)} ${mark} `
      return linesOf(text).map((line) => `${prefix}${line}`.trimEnd())
    },
  }
}

/** The guests of a plan. */
export const instancesOf = (steps: readonly StepSummary[]): readonly string[] => [
  ...new Set(steps.flatMap(({ instance }) => instance ?? [])),
]

/** Whole lines of a guest, without signs that would move the cursor or colour what follows. */
export const linesOf = (text: string): readonly string[] =>
  stripVTControlCharacters(text)
    .replace(/\r?\n$/, '')
    .split(/\r\n|\n|\r/)
    .map((line) => line.replaceAll(/(?!\t)\p{Cc}/gu, ''))
