import type { GuestRun, LifecycleRun } from '@vmwright/contract'
import { createHash } from 'node:crypto'
import { formatDuration } from '../../lib/units.ts'
import { failedActionOf } from '../guest-facts.ts'
import type { Tails } from '../tails.ts'
import { renderGuest } from './guest.ts'
import { type Markup, markup, trusted } from './markup.ts'
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
  const anchor = anchorIn(run)
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${run.project}: ${word}</title>
${trusted(`<style>${style}</style>`)}
</head>
<body>
<main>
<h1>${run.project}: <span class="${run.outcome}">${sign} ${word}</span></h1>
<p>${factsOf(run).join(' · ')}</p>
${renderFailures(run, anchor)}
${renderMatrix(run.guests, anchor)}
${run.guests.length > 0 && renderTimeline(run, anchor)}
${run.guests.map((guest) => renderGuest(run, guest, anchor(guest), embedded))}
</main>
</body>
</html>
`
  return page.text
}

const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/** By number: a name may have signs that an anchor may not. */
function anchorIn(run: LifecycleRun): (guest: GuestRun) => string {
  const numbers = new Map(run.guests.map((guest, index) => [guest, index + 1]))
  return (guest) => `guest-${numbers.get(guest)}`
}

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

function renderFailures(run: LifecycleRun, anchor: (guest: GuestRun) => string): Markup {
  const failed = run.guests.filter(({ outcome }) => outcome === 'failed')
  if (failed.length === 0) return markup``
  return markup`<section>
<h2>What failed</h2>
<ul>
${failed.map((guest) => {
  const action = failedActionOf(guest)
  const message = action?.error?.message ?? action?.because ?? guest.because ?? 'failed'
  return markup`<li><a href="#${anchor(guest)}">${guest.name}</a> ${action?.action}: <span class="error">${message}</span></li>
`
})}</ul>
</section>`
}
