import type { ActionRun, ErrorReport, GuestRun, LifecycleRun, StepRun } from '@vmwright/contract'
import { formatBytes, formatDuration } from '../../lib/units.ts'
import { cacheOf, elapsedOf } from '../guest-facts.ts'
import type { LogTail } from '../log-tail.ts'
import type { Tails } from '../tails.ts'
import { type Markup, markup, linkTo } from './markup.ts'
import { looks, outcomeWords, toneOf } from './words.ts'

/** All about one guest: what was done, step by step, with the ends of its logs and the files that it gave. */
export function renderGuest(run: LifecycleRun, guest: GuestRun, anchor: string, tails: Tails): Markup {
  const { sign, word } = outcomeWords[guest.outcome]
  const logs = guest.actions.filter(({ log }) => log !== undefined)
  return markup`<section id="${anchor}">
<h2>${guest.name} <span class="${guest.outcome}">${sign} ${word}</span></h2>
<p>${factsOf(guest).join(' · ')}</p>
${guest.actions.length > 0 && actionTable(run, guest)}
${logs.map((action) => logOf(action, action.log === undefined ? undefined : tails.get(action.log)))}
${guest.fetched.length > 0 && fetchedList(guest)}
</section>
`
}

const actionTable = (run: LifecycleRun, { actions }: GuestRun): Markup => markup`<table>
<thead><tr><th scope="col">Action</th><th scope="col">Result</th><th scope="col" class="number">Start</th><th scope="col" class="number">Time</th><th scope="col">Remark</th></tr></thead>
<tbody>
${actions.map((action) => actionRow(run, action))}</tbody>
</table>`

const fetchedList = ({ fetched }: GuestRun): Markup => markup`<h3>Fetched files</h3>
<ul>
${fetched.map((path) => markup`<li><a href="${linkTo(path)}">${path}</a></li>\n`)}</ul>`

const factsOf = (guest: GuestRun): readonly string[] => [
  ...(guest.platform === undefined ? [] : [`platform ${guest.platform}`]),
  ...(guest.target === undefined ? [] : [`target ${guest.target}`]),
  `host ${guest.host}`,
  ...(guest.actions.length === 0 ? [] : [formatDuration(elapsedOf(guest)), cacheText(guest)]),
  ...(guest.because === undefined ? [] : [guest.because]),
]

function cacheText(guest: GuestRun): string {
  const layer = cacheOf(guest)
  return layer === undefined || layer === 'cold' ? 'cold' : `from the cache: ${layer}`
}

function actionRow(run: LifecycleRun, action: ActionRun): Markup {
  const tone = toneOf(action)
  const { sign, word } = looks[tone]
  const isDone = action.status !== 'skipped'
  const start = `+${formatDuration(Math.max(0, action.startedAtMs - run.startedAtMs))}`
  return markup`<tr class="${tone}"><th scope="row">${action.action}</th><td class="result">${sign} ${word}</td>
<td class="number">${isDone && start}</td><td class="number">${action.durationMs > 0 && isDone && formatDuration(action.durationMs)}</td>
<td>${action.because}${action.error !== undefined && errorText(action.error)}</td></tr>
${action.steps.length > 0 && stepsOf(action)}`
}

const errorText = ({ code, message, hint }: ErrorReport): Markup =>
  markup`<p><span class="error">${message}</span> <code>${code}</code></p><p>${hint}</p>`

function stepsOf({ steps, status }: ActionRun): Markup {
  const failed = steps.filter((step) => step.status === 'failed').length
  const summary = `${steps.length === 1 ? '1 step' : `${steps.length} steps`}${failed > 0 ? `, ${failed} failed` : ''}`
  return markup`<tr class="steps"><td></td><td colspan="4"><details${openWhen(status === 'failed')}><summary>${summary}</summary><ol>
${steps.map((step) => markup`<li>${stepText(step)}</li>\n`)}</ol></details></td></tr>
`
}

const openWhen = (condition: boolean): Markup | false => condition && markup` open`

function stepText(step: StepRun): Markup {
  const tone = step.status === 'passed' ? 'ran' : step.status
  const exit = step.exitCode === undefined || step.exitCode === 0 ? '' : `, exit code ${step.exitCode}`
  return markup`<span class="${tone}">${looks[tone].sign} ${step.title}</span> <span class="quiet">${step.status}${exit}, ${formatDuration(step.durationMs)}</span>`
}

/** Open where it tells of a failure. A log without its text is a link. */
function logOf({ action, log, status }: ActionRun, tail: LogTail | undefined): Markup {
  if (log === undefined) return markup``
  const link = markup`<a href="${linkTo(log)}">${log}</a>`
  if (tail === undefined) return markup`<p>Log of ${action}: ${link}</p>\n`
  if (tail.sizeBytes === 0) return markup`<p>Log of ${action}: ${link}, empty</p>\n`
  const lines = tail.lines.length === 1 ? 'line' : 'lines'
  const amount = `${tail.cut ? 'the last ' : ''}${tail.lines.length} ${lines}`
  return markup`<details class="log"${openWhen(status === 'failed')}><summary>Log of ${action}: ${amount}</summary>
<p>${link}, ${formatBytes(tail.sizeBytes)}</p>
<pre tabindex="0">${tail.lines.map((line) => `${line}\n`)}</pre></details>
`
}
