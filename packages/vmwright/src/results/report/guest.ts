import type { ActionRun, GuestRun, LifecycleRun, StepRun } from '@vmwright/contract'
import { formatBytes, formatDuration } from '../../lib/units.ts'
import { cacheOf, elapsedOf } from '../guest-facts.ts'
import type { LogTail } from '../log-tail.ts'
import type { Tails } from '../tails.ts'
import { html, type Html, linkTo } from './html.ts'
import { looks, outcomeWords, toneOf } from './words.ts'

/** All about one guest: what was done, step by step, with the ends of its logs and the files that it gave. */
export function renderGuest(run: LifecycleRun, guest: GuestRun, anchor: string, tails: Tails): Html {
  const { sign, word } = outcomeWords[guest.outcome]
  const logs = guest.actions.filter(({ log }) => log !== undefined)
  return html`<section id="${anchor}">
    <h2>${guest.name} <span class="${guest.outcome}">${sign} ${word}</span></h2>
    <p>${factsOf(guest).join(' · ')}</p>
    ${
      guest.actions.length > 0 &&
      html`<table>
        <thead>
          <tr>
            <th scope="col">Action</th>
            <th scope="col">Result</th>
            <th scope="col" class="number">Start</th>
            <th scope="col" class="number">Time</th>
            <th scope="col">Remark</th>
          </tr>
        </thead>
        <tbody>
          ${guest.actions.map((action) => actionRow(run, action))}
        </tbody>
      </table>`
    }
    ${logs.map((action) => logOf(action, action.log === undefined ? undefined : tails.get(action.log)))}
    ${
      guest.fetched.length > 0 &&
      html`<h3>Fetched files</h3>
        <ul>
          ${guest.fetched.map((path) => html`<li><a href="${linkTo(path)}">${path}</a></li>`)}
        </ul>`
    }
  </section> `
}

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

function actionRow(run: LifecycleRun, action: ActionRun): Html {
  const tone = toneOf(action)
  const { sign, word } = looks[tone]
  return html`<tr class="${tone}">
      <th scope="row">${action.action}</th>
      <td class="result">${sign} ${word}</td>
      <td class="number">
        ${action.status !== 'skipped' && `+${formatDuration(Math.max(0, action.startedAtMs - run.startedAtMs))}`}
      </td>
      <td class="number">${action.status !== 'skipped' && formatDuration(action.durationMs)}</td>
      <td>${action.because}${action.error !== undefined && errorOf(action)}</td>
    </tr>
    ${
      action.steps.length > 0 &&
      html`<tr class="steps">
        <td></td>
        <td colspan="4">${stepsOf(action)}</td>
      </tr>`
    }`
}

const errorOf = ({ error }: ActionRun): Html =>
  html`<p class="error">${error?.message} <code>${error?.code}</code></p>
    <p>${error?.hint}</p>`

function stepsOf({ steps, status }: ActionRun): Html {
  const failed = steps.filter((step) => step.status === 'failed').length
  return html`<details ${status === 'failed' && html`open`}>
    <summary>
      ${steps.length === 1 ? '1 step' : `${steps.length} steps`}${failed > 0 && `, ${failed} failed`}
    </summary>
    <ol>
      ${steps.map((step) => html`<li>${stepText(step)}</li>`)}
    </ol>
  </details>`
}

function stepText(step: StepRun): Html {
  const tone = step.status === 'passed' ? 'ran' : step.status
  const exit = step.exitCode === undefined || step.exitCode === 0 ? '' : `, exit code ${step.exitCode}`
  return html`<span class="${tone}">${looks[tone].sign} ${step.title}</span>
    <span class="quiet">${step.status}${exit}, ${formatDuration(step.durationMs)}</span>`
}

/** Open where it tells of a failure. */
function logOf({ action, log, status }: ActionRun, tail: LogTail | undefined): Html {
  if (log === undefined) return html``
  if (tail === undefined) return html`<p><a href="${linkTo(log)}">${log}</a></p>`
  const amount = tail.cut
    ? `the last ${tail.lines.length} lines`
    : tail.lines.length === 1
      ? '1 line'
      : `${tail.lines.length} lines`
  return html`<details class="log" ${status === 'failed' && html`open`}>
    <summary>Log of ${action}: ${amount}</summary>
    <p><a href="${linkTo(log)}">${log}</a>, ${formatBytes(tail.sizeBytes)}</p>
    <pre tabindex="0">${tail.lines.map((line) => `${line}\n`)}</pre>
  </details>`
}
