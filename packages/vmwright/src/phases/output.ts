import type { OutputStream } from '../guest/channel.ts'
import type { Secret } from '../lib/secret.ts'

/** Longer lines are passed on in pieces. */
const maxLine = 64 * 1024
const maxTail = 20
const shortestLine = 6

export interface PhaseOutput {
  write(stream: OutputStream, text: string): void
  /** Passes on what stands in unfinished lines. */
  flush(): void
  /** The last lines since the last call of `flush`, for messages. */
  tail(): readonly string[]
  mask(text: string): string
}

/** Passes on whole lines, each ended by a line feed, with `***` for the values of secrets. */
export function phaseOutput(
  secrets: readonly Secret[],
  onOutput: (stream: OutputStream, text: string) => void,
): PhaseOutput {
  // Of a secret with several lines each line is one: output is cut at lines. Those of a few signs are in any text.
  const hidden = [
    ...new Set(
      secrets
        .flatMap((secret) => [
          secret.reveal(),
          ...secret
            .reveal()
            .split(/\r?\n/)
            .filter((line) => line.trim().length >= shortestLine),
        ])
        .filter((value) => value.trim() !== ''),
    ),
  ].toSorted((a, b) => b.length - a.length)
  const longest = hidden[0]?.length ?? 0
  const mask = (text: string): string =>
    hidden.reduce((masked, value) => masked.replaceAll(value, '***'), text)
  const rest: Record<OutputStream, string> = { stdout: '', stderr: '' }
  let last: string[] = []
  let flushed = false

  const pass = (stream: OutputStream, text: string): void => {
    if (flushed) last = []
    flushed = false
    last = [...last, ...text.split('\n').filter((line) => line.trim() !== '')].slice(-maxTail)
    onOutput(stream, text)
  }

  return {
    write(stream, text) {
      const all = rest[stream] + text
      const end = all.lastIndexOf('\n') + 1
      if (end > 0) pass(stream, mask(all.slice(0, end)))
      rest[stream] = all.slice(end)
      if (rest[stream].length <= maxLine) return
      // A secret may be half here: as much as the longest has is kept back.
      const masked = mask(rest[stream])
      const cut = masked.length - longest
      pass(stream, `${masked.slice(0, cut)}\n`)
      rest[stream] = masked.slice(cut)
    },
    flush() {
      for (const stream of ['stdout', 'stderr'] as const) {
        if (rest[stream] !== '') pass(stream, `${mask(rest[stream])}\n`)
        rest[stream] = ''
      }
      flushed = true
    },
    tail: () => last,
    mask,
  }
}
