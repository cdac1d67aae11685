import type { ActionRun, GuestRun, LifecycleRun, StepRun } from '@vmwright/contract'
import { formatDuration } from '../../lib/units.ts'
import { type Markup, markup } from './markup.ts'
import { looks, outcomeWords, toneOf } from './words.ts'

/** The width that a lane is thought to have, to see where a name has room. */
const laneWidth = 860
const laneHeight = 34
const barHeight = 22
const characterWidth = 6.6

/**
 * A lane for each guest on one axis of time, drawn as SVG without a script. Shapes carry their own colours, so that
 * they are seen where a style sheet is not allowed; each has a title, and the table of its guest says it all again.
 */
export function renderTimeline(run: LifecycleRun, anchor: (guest: GuestRun) => string): Markup {
  const axis = axisOf(run)
  return markup`<section>
<h2>Timeline</h2>
<table class="timeline" width="100%">
<caption>${legend()}</caption>
<thead><tr><th scope="col">Guest</th><th scope="col" class="lane" width="100%">${tickTexts(axis)}</th><th scope="col">Result</th></tr></thead>
<tbody>
${run.guests.map((guest) => {
  const { sign, word } = outcomeWords[guest.outcome]
  return markup`<tr>
<th scope="row"><a href="#${anchor(guest)}">${guest.name}</a></th>
<td class="lane">${laneOf(guest, axis)}</td>
<td class="${guest.outcome}">${sign} ${word}</td>
</tr>
`
})}</tbody>
</table>
</section>`
}

const legend = (): readonly Markup[] =>
  (['ran', 'cached', 'waited', 'failed', 'cancelled', 'unfinished'] as const).map((tone) => {
    const { sign, word, fill } = looks[tone]
    const patch = markup`<svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" rx="2" fill="${fill}"/></svg>`
    return markup`<span class="key">${patch} ${sign} ${word}</span> `
  })

function tickTexts(axis: Axis): Markup {
  const texts = ticksOf(axis).map(
    ({ at, text, anchor }) =>
      markup`<text x="${at}%" y="12" text-anchor="${anchor}" class="tick" font-size="11" fill="#777">${text}</text>`,
  )
  return markup`<svg width="100%" height="16" role="img" aria-label="time since the start of the run">${texts}</svg>`
}

interface Axis {
  readonly startMs: number
  readonly lengthMs: number
}

/** All that was done, also where clocks were set back meanwhile. */
function axisOf(run: LifecycleRun): Axis {
  const actions = run.guests.flatMap((guest) => guest.actions)
  const startMs = Math.min(run.startedAtMs, ...actions.map((action) => action.startedAtMs))
  const ends = actions.map((action) => action.startedAtMs + action.durationMs)
  const endMs = Math.max(run.startedAtMs + run.durationMs, ...ends)
  return { startMs, lengthMs: Math.max(1, endMs - startMs) }
}

const tickSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400]

/** At most eight marks at round times. */
export function ticksOf({ lengthMs }: Pick<Axis, 'lengthMs'>) {
  const seconds = lengthMs / 1000
  const step = tickSteps.find((each) => seconds / each <= 8) ?? Math.ceil(seconds / 8 / 86_400) * 86_400
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => {
    const at = ((index * step) / seconds) * 100
    return {
      at: percent(at),
      text: index === 0 ? '0' : formatDuration(index * step * 1000),
      anchor: index === 0 ? 'start' : at > 96 ? 'end' : 'middle',
    }
  })
}

function laneOf(guest: GuestRun, axis: Axis): Markup {
  const shown = guest.actions.filter((action) => action.status !== 'skipped' && action.durationMs > 0)
  const grid = ticksOf(axis).map(
    ({ at }) => markup`<line x1="${at}%" x2="${at}%" y1="0" y2="${laneHeight}" class="grid" stroke="#8884"/>`,
  )
  return markup`<svg width="100%" height="${laneHeight}" role="img" aria-label="${laneText(guest)}">${grid}
${shown.map((action) => barOf(action, axis))}</svg>`
}

function barOf(action: ActionRun, axis: Axis): Markup {
  const { sign, word, fill } = looks[toneOf(action)]
  const width = Math.max(0.15, (action.durationMs / axis.lengthMs) * 100)
  const label = `${sign} ${action.action}`
  const hasRoom = (width / 100) * laneWidth > label.length * characterWidth + 6
  const title = [`${action.action}: ${word}`, formatDuration(action.durationMs), action.because]
    .filter((part) => part !== undefined)
    .join(', ')
  return markup`<svg x="${percent(placeOf(action.startedAtMs, axis))}%" width="${percent(width)}%" height="${laneHeight}">
<title>${title}</title><rect width="100%" height="${barHeight}" rx="2" fill="${fill}" stroke="#fff" stroke-width="0.5" class="bar"/>
${hasRoom && markup`<text x="4" y="15" font-size="12" fill="#fff">${label}</text>`}</svg>
${action.steps.filter((step) => step.durationMs > 0).map((step) => stepMark(step, axis))}`
}

/** Below the bar of its phase. */
function stepMark(step: StepRun, axis: Axis): Markup {
  const { fill } = looks[step.status === 'passed' ? 'ran' : step.status]
  const x = percent(placeOf(step.startedAtMs, axis))
  const width = percent(Math.max(0.1, (step.durationMs / axis.lengthMs) * 100))
  const title = `${step.title}: ${step.status}, ${formatDuration(step.durationMs)}`
  return markup`<rect x="${x}%" y="${barHeight + 2}" width="${width}%" height="6" fill="${fill}" stroke="#fff" stroke-width="0.5" class="bar"><title>${title}</title></rect>
`
}

/** Percent of the axis. */
const placeOf = (ms: number, { startMs, lengthMs }: Axis): number => ((ms - startMs) / lengthMs) * 100

const percent = (value: number): string => String(Number(value.toFixed(3)))

const laneText = ({ actions }: GuestRun): string =>
  actions
    .filter(({ status }) => status !== 'skipped')
    .map((action) => `${action.action} ${looks[toneOf(action)].word} ${formatDuration(action.durationMs)}`)
    .join(', ') || 'nothing was done'
