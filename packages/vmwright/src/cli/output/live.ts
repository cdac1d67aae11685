import type { RunEvent } from '@vmwright/contract'
import { renderLive } from './live-screen.ts'
import { applyEvent, countInstances, initialState, withPhase } from './live-state.ts'
import { instancesOf, openOutputLines } from './output-lines.ts'
import type { EventSink } from './output.ts'
import { Painter } from './painter.ts'

/** Often enough for a clock and a spinner; nothing is sent when no line changed. */
const tickMs = 200

export interface LiveOptions {
  readonly colors: boolean
  /** All that several guests print goes above the picture; what a single one prints does so in any case. */
  readonly verbose: boolean
}

/**
 * X8: one line for each shared step and each instance, rewritten in place, with a clock that ticks. The terminal is
 * given back at `close`, when the process ends for whatever reason it can still see, and while it is suspended.
 */
export function openLiveView(out: NodeJS.WriteStream, options: LiveOptions): EventSink {
  const { colors } = options
  // A terminal that does not know its size says 0.
  const screen = {
    get columns() {
      return out.columns > 0 ? out.columns : 80
    },
    get rows() {
      return out.rows > 0 ? out.rows : 24
    },
    write: (text: string) => out.write(text),
  }
  const painter = new Painter(screen)
  let state = initialState(Date.now())
  const lines = openOutputLines(colors)
  let timer: NodeJS.Timeout | undefined

  const paint = (): void =>
    painter.paint(
      renderLive(state, { columns: screen.columns, rows: screen.rows, nowMs: Date.now(), colors }),
    )
  const wake = (): void => {
    timer ??= setInterval(paint, tickMs).unref()
  }
  const rest = (): void => {
    clearInterval(timer)
    timer = undefined
  }
  // Not while a question is open.
  const repaint = (): void => void (timer !== undefined && paint())
  const leave = (): void => painter.leave()
  const suspend = (): void => {
    painter.leave()
    process.kill(process.pid, 'SIGSTOP')
  }
  process.on('exit', leave)
  process.on('SIGTSTP', suspend)
  process.on('SIGCONT', repaint)
  out.on('resize', repaint)

  return {
    event(event: RunEvent) {
      state = applyEvent(state, event)
      if (event.kind === 'notice') painter.above(`${event.level}: ${event.message}`)
      if (event.kind === 'run-started') lines.announce(instancesOf(event.steps))
      if (event.kind === 'output' && (options.verbose || countInstances(state) < 2))
        painter.above(lines.render(event).join('\n'))
      wake()
    },
    phase(what) {
      state = withPhase(state, what, Date.now())
      wake()
    },
    say: (line) => painter.above(line),
    pause() {
      rest()
      painter.clear()
    },
    close() {
      rest()
      // What is left of a phase says nothing; the picture of a run stays.
      if (state.title === '') painter.clear()
      else paint()
      painter.leave()
      process.off('exit', leave)
      process.off('SIGTSTP', suspend)
      process.off('SIGCONT', repaint)
      out.off('resize', repaint)
    },
  }
}
