import type { ErrorReport } from '@vmwright/contract'
import type { Hypervisor } from '../../hypervisor/contract.ts'
import { reportOf } from '../../lib/error-report.ts'
import type { Progress } from '../../lib/progress.ts'
import type { LayerRow } from '../../snapshots/inventory.ts'
import { planRetention, type RetentionOptions, type RetentionPlan } from '../../snapshots/retention.ts'
import { askAll, isOfOneHost } from '../ask-hosts.ts'
import { Session } from '../session.ts'
import { type Cache, type CacheOptions, readCache } from './guest-layers.ts'

export interface PruneOptions extends CacheOptions {
  readonly limits: Omit<RetentionOptions, 'nowMs' | 'busy'>
  /** `plan`: only tell what would go. */
  readonly how: 'plan' | 'remove'
  readonly holder: string
  readonly lockTimeoutMs: number
}

export interface PruneResult {
  readonly plan: RetentionPlan
  /** Those of `plan.remove` that are still there, and why. Empty with `how: plan`. */
  readonly failed: ReadonlyMap<LayerRow, ErrorReport>
  readonly unreachable: Cache['unreachable']
}

/**
 * Removes layers that the limits speak against, under the locks of their hosts, hosts side by side. One that does not
 * answer, or is lost on the way, does not stop the others. Safe to repeat, also after being killed. Throws
 * `host.locked`.
 */
export async function pruneCache(progress: Progress, options: PruneOptions): Promise<PruneResult> {
  const { spec, instances, services, limits } = options
  await using session = await Session.open(progress, spec, instances, services)
  if (options.how === 'remove') {
    const hosts = new Set((await session.locate(progress)).observed.keys())
    await session.lock(progress.child({ timeoutMs: options.lockTimeoutMs }), options.holder, hosts)
  }
  // What was there before the locks may be gone, or belong to a run by now.
  const { guests, unreachable } = await readCache(progress, options, session)
  const plan = planRetention(
    guests.flatMap(({ layers }) => layers),
    {
      ...limits,
      nowMs: progress.seam.nowMs(),
      busy: new Set(guests.filter(({ busy }) => busy).map(({ guest }) => guest)),
    },
  )
  if (options.how === 'plan') return { plan, failed: new Map(), unreachable }
  return { plan, failed: await removeAll(progress, session, plan), unreachable }
}

async function removeAll(
  progress: Progress,
  session: Session,
  { remove }: RetentionPlan,
): Promise<ReadonlyMap<LayerRow, ErrorReport>> {
  const failed = new Map<LayerRow, ErrorReport>()
  const byHost = Map.groupBy(
    remove.map(({ row }) => row),
    ({ host }) => host,
  )
  await askAll(
    progress,
    [...byHost].map(([host, rows]) => [host, () => removeOn(progress, session.host(host), rows, failed)]),
  )
  return failed
}

async function removeOn(
  progress: Progress,
  host: Hypervisor,
  rows: readonly LayerRow[],
  failed: Map<LayerRow, ErrorReport>,
): Promise<void> {
  for (const [index, { guest, snapshot }] of rows.entries()) {
    progress.report({ what: `the removal of ${snapshot} of ${guest}` })
    try {
      await host.deleteSnapshot(progress, guest, snapshot)
    } catch (error) {
      progress.check()
      const lost = isOfOneHost(error) ? rows.slice(index) : rows.slice(index, index + 1)
      for (const row of lost) failed.set(row, reportOf(error))
      if (isOfOneHost(error)) return
    }
  }
}
