import type { GuestRun } from '@vmwright/contract'
import { formatDuration } from '../../lib/units.ts'
import { elapsedOf } from '../guest-facts.ts'
import { type Markup, markup } from './markup.ts'
import { outcomeWords } from './words.ts'

/** G7. Platforms by targets; nothing when no guest comes of a matrix. */
export function renderMatrix(guests: readonly GuestRun[], anchor: (guest: GuestRun) => string): Markup {
  const placed = guests.filter(({ platform, target }) => platform !== undefined || target !== undefined)
  if (placed.length === 0) return markup``
  const platforms = distinct(placed.map(({ platform }) => platform))
  const targets = distinct(placed.map(({ target }) => target))
  return markup`<section>
<h2>Platforms and targets</h2>
<table>
<thead><tr><th scope="col">Platform</th>${targets.map((target) => markup`<th scope="col">${target ?? '–'}</th>`)}</tr></thead>
<tbody>
${platforms.map(
  (platform) => markup`<tr><th scope="row">${platform ?? '–'}</th>
${targets.map((target) =>
  cellOf(
    placed.filter((guest) => guest.platform === platform && guest.target === target),
    anchor,
  ),
)}</tr>
`,
)}</tbody>
</table>
</section>`
}

function cellOf(guests: readonly GuestRun[], anchor: (guest: GuestRun) => string): Markup {
  if (guests.length === 0) return markup`<td class="none">no guest</td>`
  return markup`<td>${guests.map((guest) => {
    const { sign, word } = outcomeWords[guest.outcome]
    const time = guest.actions.length === 0 ? '' : `, ${formatDuration(elapsedOf(guest))}`
    return markup`<div><span class="${guest.outcome}">${sign} ${word}</span>${time} <a href="#${anchor(guest)}">${guest.name}</a></div>`
  })}</td>
`
}

const distinct = (names: readonly (string | undefined)[]): readonly (string | undefined)[] => [
  ...new Set(names),
]
