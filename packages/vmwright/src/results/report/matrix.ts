import type { GuestRun } from '@vmwright/contract'
import { formatDuration } from '../../lib/units.ts'
import { elapsedOf } from '../guest-facts.ts'
import { html, type Html } from './html.ts'
import { outcomeWords } from './words.ts'

/** G7. Platforms by targets; nothing when no guest comes of a matrix. */
export function renderMatrix(guests: readonly GuestRun[], anchor: (guest: GuestRun) => string): Html {
  const placed = guests.filter(({ platform, target }) => platform !== undefined || target !== undefined)
  if (placed.length === 0) return html``
  const platforms = distinct(placed.map(({ platform }) => platform))
  const targets = distinct(placed.map(({ target }) => target))
  return html`<section>
    <h2>Platforms and targets</h2>
    <table>
      <thead>
        <tr>
          <th scope="col">Platform</th>
          ${targets.map((target) => html`<th scope="col">${target ?? '–'}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${platforms.map(
          (platform) =>
            html`<tr>
              <th scope="row">${platform ?? '–'}</th>
              ${targets.map((target) => cellOf(placed, platform, target, anchor))}
            </tr>`,
        )}
      </tbody>
    </table>
  </section>`
}

function cellOf(
  guests: readonly GuestRun[],
  platform: string | undefined,
  target: string | undefined,
  anchor: (guest: GuestRun) => string,
): Html {
  const here = guests.filter((guest) => guest.platform === platform && guest.target === target)
  if (here.length === 0) return html`<td class="none">no guest</td>`
  return html`<td>
    ${here.map(
      (guest) =>
        html`<div class="${guest.outcome}">
          ${outcomeWords[guest.outcome].sign} ${outcomeWords[guest.outcome].word},
          ${formatDuration(elapsedOf(guest))}
          <a href="#${anchor(guest)}">${guest.name}</a>
        </div>`,
    )}
  </td>`
}

const distinct = (names: readonly (string | undefined)[]): readonly (string | undefined)[] => [
  ...new Set(names),
]
