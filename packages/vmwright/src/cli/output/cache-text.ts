import type { ErrorReport } from '@vmwright/contract'
import type { LayerRow } from '../../snapshots/inventory.ts'
import type { CliContext } from '../context.ts'
import { renderError } from '../fail.ts'

/** A layer in the results of `cache list` and `cache prune`. */
export const layerJson = ({ createdAtMs, ...row }: LayerRow, nowMs: number) => ({
  ...row,
  createdAtMs,
  ageMs: nowMs - createdAtMs,
})

export const unreachableJson = (unreachable: ReadonlyMap<string, ErrorReport>) =>
  [...unreachable].map(([host, error]) => ({ host, error }))

export function tellUnreachable(
  { stderr }: Pick<CliContext, 'stderr'>,
  unreachable: ReadonlyMap<string, ErrorReport>,
): void {
  for (const error of unreachable.values()) stderr.write(renderError(error))
}
