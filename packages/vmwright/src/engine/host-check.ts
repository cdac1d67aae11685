import type { ErrorReport } from '@vmwright/contract'
import { definitionOf, planBridges, type WantedBridge } from '../host/bridges.ts'
import { candidateItems } from '../host/desired.ts'
import { itemFindings, virtualisationFindings } from '../host/findings.ts'
import { hostState, type HostState } from '../host/host-state.ts'
import {
  type TrialOutcome,
  type VirtualisationVerdict,
  virtualisationVerdict,
} from '../host/virtualisation.ts'
import type { Hypervisor } from '../hypervisor/contract.ts'
import type { HostSystem } from '../hypervisor/host/system.ts'
import { reportOf } from '../lib/error-report.ts'
import { isProvisionError, ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import type { Finding, ResourceChange } from '../plan/plan.ts'
import type { HostSpec } from '../spec/resolved.ts'

/** What the entry points plug in. */
export interface HostServices {
  openHost(progress: Progress, host: HostSpec): Promise<Hypervisor>
  /** The machine below; nothing is opened, and nothing has to answer. Throws `host.no-driver`. */
  openSystem(host: HostSpec): HostSystem
}

export type HostCheck =
  | {
      readonly kind: 'checked'
      readonly host: string
      readonly state: HostState
      /** Bridges that are not there. */
      readonly bridges: readonly ResourceChange[]
      readonly verdict: VirtualisationVerdict
      readonly findings: readonly Finding[]
    }
  | { readonly kind: 'failed'; readonly host: string; readonly error: ErrorReport }

/**
 * K1, K2: hosts beside what they should be, and whether a guest starts with hardware virtualisation on them. Changes
 * nothing but for the trial guest, which is gone afterwards; its outcome is kept until the host boots again. A host
 * that fails is told as such. Throws when it is cancelled.
 */
export async function checkPrepared(
  progress: Progress,
  hosts: readonly HostSpec[],
  services: HostServices,
): Promise<readonly HostCheck[]> {
  progress.report({ what: `an answer of ${hosts.map(({ name }) => name).join(', ')}` })
  const checks = await Promise.all(
    hosts.map(async (spec): Promise<HostCheck> => {
      try {
        const [{ state, bridges }, trial] = await Promise.all([
          lookAt(progress, spec, services),
          tryAcceleration(progress, spec, services),
        ])
        const verdict = virtualisationVerdict(state.report.facts, trial)
        const planned = planBridges(spec.name, bridges)
        const findings = [
          ...itemFindings(state),
          ...planned.findings,
          ...virtualisationFindings(state, verdict, 'check'),
        ]
        return { kind: 'checked', host: spec.name, state, bridges: planned.resources, verdict, findings }
      } catch (error) {
        return { kind: 'failed', host: spec.name, error: reportOf(error, progress.signal) }
      }
    }),
  )
  progress.check()
  return checks
}

/** One look, without a change. Throws `host.no-shell`, and what the shell throws. */
export async function lookAt(
  progress: Progress,
  spec: HostSpec,
  services: Pick<HostServices, 'openSystem'>,
): Promise<{ readonly state: HostState; readonly bridges: readonly WantedBridge[] }> {
  const { items, bridges } = requireSystem(services.openSystem(spec))
  const [report, ...wanted] = await Promise.all([
    items.inspect(progress, candidateItems(spec)),
    ...spec.preparation.bridges.map(async (bridge) => ({
      spec: bridge,
      state: await bridges.inspect(progress, definitionOf(bridge)),
    })),
  ])
  return { state: hostState(spec, report), bridges: wanted }
}

export function requireSystem(system: HostSystem): HostSystem {
  if (system.whyNot === undefined) return system
  throw new ProvisionError('host.no-shell', {
    message: `Nothing can be run on host ${system.host}: ${system.whyNot}.`,
    details: { host: system.host },
  })
}

/** Starts a guest with hardware virtualisation, whatever the spec falls back to. */
async function tryAcceleration(
  progress: Progress,
  spec: HostSpec,
  services: HostServices,
): Promise<TrialOutcome> {
  if (spec.acceleration === 'emulate') return { kind: 'none', why: 'the spec wants software emulation' }
  try {
    const host = await services.openHost(progress, { ...spec, acceleration: 'require-kvm' })
    try {
      await host.probeAcceleration(progress)
      return { kind: 'works' }
    } finally {
      await host.close()
    }
  } catch (error) {
    progress.check()
    if (!isProvisionError(error)) throw error
    const reason = error.details['reason']
    return error.code === 'host.no-acceleration'
      ? { kind: 'fails', reason: typeof reason === 'string' ? reason : 'a trial guest did not start' }
      : { kind: 'none', why: 'libvirt does not answer there' }
  }
}
