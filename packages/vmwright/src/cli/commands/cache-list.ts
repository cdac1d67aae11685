import { composeServices } from '../../compose.ts'
import { type Cache, listCache } from '../../engine/cache/guest-layers.ts'
import { formatAge, formatBytes } from '../../lib/units.ts'
import type { LayerRow } from '../../snapshots/inventory.ts'
import { attempt, show, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import { layerJson, tellUnreachable, unreachableJson } from '../output/cache-text.ts'
import { formatTable } from '../output/table.ts'

/** What is kept of guests. Exit code 1 when that cannot be told of all, because a host is down. */
export async function listCommand(
  context: CliContext,
  names: readonly string[],
  options: SpecOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const { spec, instances } = await load(context, options, names)
    const services = composeServices(spec, context)
    const cache = await withView(context, {}, (progress) =>
      listCache(progress, { spec, instances, services }),
    )
    const nowMs = context.seam.nowMs()
    show(context, options.json, jsonOf(cache, nowMs), () => renderCache(cache, nowMs))
    if (!options.json) tellUnreachable(context, cache.unreachable)
    return cache.unreachable.size > 0 ? exitCode.failed : exitCode.done
  })
}

const jsonOf = ({ guests, unreachable }: Cache, nowMs: number) => ({
  guests: guests.map(({ layers, ...guest }) => ({
    ...guest,
    layers: layers.map((row) => layerJson(row, nowMs)),
  })),
  unreachable: unreachableJson(unreachable),
})

/** Pure. */
export function renderCache({ guests }: Cache, nowMs: number): string {
  const rows = guests.flatMap(({ layers }) => layers)
  if (rows.length === 0) return 'Nothing is kept of these guests.\n'
  const table = formatTable(
    ['GUEST', 'LAYER', 'SNAPSHOT', 'AGE', 'SIZE', 'MEMORY', 'CARRIES', 'STATE'],
    rows.map((row) => [
      row.guest,
      row.layer,
      row.isNow ? `${row.snapshot} *` : row.snapshot,
      formatAge(nowMs - row.createdAtMs),
      row.sizeBytes === undefined ? '?' : formatBytes(row.sizeBytes),
      row.memory ? 'yes' : 'no',
      row.carries.length === 0 ? '-' : String(row.carries.length),
      row.state === 'current' ? row.state : `${row.state}: ${row.because}`,
    ]),
  )
  const bytes = rows.reduce((sum, row) => sum + (row.sizeBytes ?? 0), 0)
  const total = `${rows.length} ${rows.length === 1 ? 'layer' : 'layers'}, ${formatBytes(bytes)}${unmeasured(rows)}.`
  return `${table}\n${total}${rows.some(({ isNow }) => isNow) ? ' * is what the guest was last restored from or kept as.' : ''}\n`
}

function unmeasured(rows: readonly LayerRow[]): string {
  const count = rows.filter(({ sizeBytes }) => sizeBytes === undefined).length
  if (count === 0) return ''
  const which =
    count === rows.length ? 'all of them take' : `${count} of them ${count === 1 ? 'takes' : 'take'}`
  return ` and what ${which} inside of disks`
}
