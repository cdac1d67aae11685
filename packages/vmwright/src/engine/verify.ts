import type { ErrorReport } from '@vmwright/contract'
import type { Hypervisor } from '../hypervisor/contract.ts'
import { reportOf } from '../lib/error-report.ts'
import type { Progress } from '../lib/progress.ts'
import type { HostSpec, ResolvedSpec } from '../spec/resolved.ts'
import { isOfOneHost } from './ask-hosts.ts'
import { takeCensus } from './census.ts'
import type { SessionServices } from './session.ts'
import { compareHost, type Difference } from './verify-compare.ts'

export interface VerifyOptions {
  readonly spec: ResolvedSpec
  readonly services: Pick<SessionServices, 'openHost'>
}

export type HostVerdict = { readonly host: string } & (
  | {
      readonly verdict: 'as-before' | 'not-as-before'
      /** When the record was made, milliseconds since the epoch; `undefined`: there is none, so marks alone count. */
      readonly recordedAtMs: number | undefined
      readonly differences: readonly Difference[]
    }
  /** Nothing can be run there, so that nothing was recorded; or it is a guest that is not up. */
  | { readonly verdict: 'not-known'; readonly reason: string }
  | { readonly verdict: 'failed'; readonly error: ErrorReport }
)

/**
 * Whether hosts are as they were before the project came (K11). Where one is, its record has done its work and is
 * forgotten. May be repeated.
 */
export async function verifyHosts(
  progress: Progress,
  { spec, services }: VerifyOptions,
): Promise<readonly HostVerdict[]> {
  progress.report({ what: `the state of ${spec.hosts.map(({ name }) => name).join(', ')}` })
  return Promise.all(
    spec.hosts.map(async (host): Promise<HostVerdict> => {
      try {
        return await verifyOne(progress, spec.project, host, services)
      } catch (error) {
        progress.check()
        // G9. It went with the guest that it was, or is off with it.
        if (host.guest !== undefined && isOfOneHost(error))
          return {
            host: host.name,
            verdict: 'not-known',
            reason: `it is the guest ${host.guest}, which does not answer`,
          }
        return { host: host.name, verdict: 'failed', error: reportOf(error, progress.signal) }
      }
    }),
  )
}

async function verifyOne(
  progress: Progress,
  project: string,
  spec: HostSpec,
  services: VerifyOptions['services'],
): Promise<HostVerdict> {
  const host = await services.openHost(progress, spec)
  try {
    return { host: spec.name, ...(await compared(progress, project, host)) }
  } finally {
    await host.close()
  }
}

async function compared(progress: Progress, project: string, host: Hypervisor) {
  const { records, rules, whyNot } = host.system
  if (whyNot !== undefined) return { verdict: 'not-known', reason: whyNot } as const
  const observing = host.observe(progress)
  const [observed, before, census, applied] = await Promise.all([
    observing,
    records.kept(progress, project),
    takeCensus(progress, host, observing),
    rules.read(progress),
  ])
  const differences = compareHost(project, before, { observed, census, rules: applied })
  const isAsBefore = differences.every(({ kept }) => kept !== undefined)
  if (isAsBefore && before !== undefined) await records.forget(progress, project)
  return {
    verdict: isAsBefore ? 'as-before' : 'not-as-before',
    recordedAtMs: before?.atMs,
    differences,
  } as const
}
