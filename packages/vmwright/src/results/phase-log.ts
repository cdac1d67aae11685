import { closeSync, openSync, writeSync } from 'node:fs'
import { MiB } from '../lib/units.ts'

/** Where the output of one phase of one guest goes. */
export interface PhaseLog {
  /** Relative to the folder of the run: `web-1/03-main.log`, for `ActionRun.log`. */
  readonly path: string
  /** One line, or several with `\n` between them, without secrets. With the system when it returns. Never throws. */
  write(stream: 'stdout' | 'stderr', text: string): void
  close(): Promise<void>
}

export interface PhaseLogOptions {
  /** Absolute; nothing may be there. */
  readonly file: string
  readonly path: string
  /** On a clock that only goes on. */
  readonly nowMs: () => number
  /** Called once, with the first error of the file system; nothing more is written then. */
  readonly onProblem: (error: unknown) => void
  readonly maxBytes?: number
}

/** A guest that prints without end fills no disk. */
const maxLogBytes = 256 * MiB
/** Of what is beyond that, so many of the last lines are kept, because the end tells why something failed. */
const keptLines = 200
const keptCharacters = 4_000

/**
 * A log that is on disk line by line, so that it survives the death of this process. Each line begins with the time
 * since the log was opened, in seconds, and the stream: `   12.345 out | text`.
 */
export function openPhaseLog(options: PhaseLogOptions): PhaseLog {
  const { file, path, nowMs, onProblem, maxBytes = maxLogBytes } = options
  const openedMs = nowMs()
  let descriptor = attempt(() => openSync(file, 'wx', 0o600))
  let bytes = 0
  let leftOut = 0
  const last: string[] = []

  function attempt<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      onProblem(error)
      return undefined
    }
  }
  const put = (text: string): void => {
    const to = descriptor
    if (to === undefined) return
    const data = Buffer.from(text)
    const done = attempt(() => {
      for (let at = 0; at < data.length; at += writeSync(to, data, at));
      return true
    })
    if (done === undefined) end()
  }
  const end = (): void => {
    const open = descriptor
    descriptor = undefined
    if (open !== undefined) attempt(() => closeSync(open))
  }

  return {
    path,
    write(stream, text) {
      const mark = markOf(nowMs() - openedMs, stream)
      let kept = ''
      for (const line of linesOf(text)) {
        const whole = `${mark}${line}\n`
        if (leftOut === 0 && bytes + whole.length <= maxBytes) {
          bytes += Buffer.byteLength(whole)
          kept += whole
          continue
        }
        leftOut++
        last.push(whole.length > keptCharacters ? `${whole.slice(0, keptCharacters)}…\n` : whole)
        if (last.length > keptLines) last.shift()
      }
      put(kept)
    },
    async close() {
      const lost = leftOut - last.length
      if (lost > 0) put(`${markOf(nowMs() - openedMs, 'stderr')}… ${lost} lines are left out here …\n`)
      if (last.length > 0) put(last.join(''))
      last.length = 0
      leftOut = 0
      end()
    },
  }
}

const markOf = (ms: number, stream: 'stdout' | 'stderr'): string =>
  `${(Math.max(0, ms) / 1000).toFixed(3).padStart(9)} ${stream === 'stdout' ? 'out' : 'err'} | `

/** A line break at the end ends the last line; a progress bar's carriage returns are line breaks too. */
const linesOf = (text: string): readonly string[] => text.replace(/\r?\n$/, '').split(/\r\n|\n|\r/)
