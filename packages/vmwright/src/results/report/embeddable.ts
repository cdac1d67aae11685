import type { ActionRun, LifecycleRun } from '@vmwright/contract'
import { MiB } from '../../lib/units.ts'
import type { Tails } from '../tails.ts'

/** A page that is larger is no pleasure to open. */
const mostCharacters = 8 * MiB

/** The logs that the page has room for; those of failures first, then in the order of the run. */
export function embeddable(run: LifecycleRun, tails: Tails, most = mostCharacters): Tails {
  const weight = ({ status }: ActionRun): number => (status === 'failed' ? 0 : 1)
  const logs = run.guests
    .flatMap(({ actions }) => actions)
    .toSorted((a, b) => weight(a) - weight(b))
    .flatMap(({ log }) => log ?? [])
  let left = most
  return new Map(
    logs.flatMap((log) => {
      const tail = tails.get(log)
      left -= tail === undefined ? 0 : tail.lines.reduce((sum, line) => sum + line.length + 1, 0)
      return tail === undefined || left < 0 ? [] : [[log, tail] as const]
    }),
  )
}
