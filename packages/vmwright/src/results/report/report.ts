import type { GuestRun, LifecycleRun } from '@vmwright/contract'
import { createHash } from 'node:crypto'
import { formatDuration } from '../../lib/units.ts'
import { failedActionOf } from '../guest-facts.ts'
import type { Tails } from '../tails.ts'
import { renderGuest } from './guest.ts'
import { html, type Html, trusted } from './html.ts'
import { embeddable } from './embeddable.ts'
import { renderMatrix } from './matrix.ts'
import { style } from './style.ts'
import { renderTimeline } from './timeline.ts'
import { outcomeWords } from './words.ts'

/**
 * The report of a run: one page that needs nothing from elsewhere and runs no script. Whatever guests printed stays
 * text; should a mistake let markup through, the page's own policy still forbids it to run or load anything. Pure.
 */
export function renderReport(run: LifecycleRun, tails: Tails): string {
  const { sign, word } = outcomeWords[run.outcome]
  const embedded = embeddable(run, tails)
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <title>${run.project}: ${word}</title>
        <style>
          ${trusted(style)}
        </style>
      </head>
      <body>
        <main>
          <h1>${run.project}: <span class="${run.outcome}">${sign} ${word}</span></h1>
          <p>${factsOf(run).join(' · ')}</p>
          ${renderFailures(run)} ${renderMatrix(run.guests, anchorIn(run))}
          ${
            run.guests.length > 0 &&
            html`<section>
              <h2>Timeline</h2>
              ${renderTimeline(run, anchorIn(run))}
            </section>`
          }
          ${run.guests.map((guest) => renderGuest(run, guest, anchorIn(run)(guest), embedded))}
        </main>
      </body>
    </html> `
  return page.markup
}

const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/** By number: a name may have signs that an anchor may not. */
const anchorIn =
  (run: LifecycleRun) =>
  (guest: GuestRun): string =>
    `guest-${run.guests.indexOf(guest) + 1}`

function factsOf(run: LifecycleRun): readonly string[] {
  const outcomes = Map.groupBy(run.guests, ({ outcome }) => outcome)
  return [
    `${new Date(run.startedAtMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`,
    formatDuration(run.durationMs),
    run.guests.length === 1 ? '1 guest' : `${run.guests.length} guests`,
    ...(['passed', 'failed', 'cancelled', 'unfinished', 'not-run'] as const).flatMap((outcome) => {
      const some = outcomes.get(outcome)
      return some === undefined ? [] : [`${some.length} ${outcomeWords[outcome].word}`]
    }),
    `run ${run.id}`,
  ]
}

function renderFailures(run: LifecycleRun): Html {
  const failed = run.guests.flatMap((guest) => {
    const action = guest.outcome === 'failed' ? failedActionOf(guest) : undefined
    return guest.outcome === 'failed' ? [{ guest, action }] : []
  })
  if (failed.length === 0) return html``
  return html`<section>
    <h2>What failed</h2>
    <ul>
      ${failed.map(
        ({ guest, action }) =>
          html`<li>
            <a href="#${anchorIn(run)(guest)}">${guest.name}</a> ${action?.action}:
            <span class="error">${action?.error?.message ?? guest.because ?? 'failed'}</span>
          </li> `,
      )}
    </ul>
  </section>`
}
