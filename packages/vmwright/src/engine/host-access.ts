import type { Hypervisor } from '../hypervisor/contract.ts'
import type { AccessChange, AccessRepair, AccessReport, AccessRequest } from '../hypervisor/host-files.ts'
import type { Progress } from '../lib/progress.ts'
import { accessFindings, accessNeeds } from '../plan/access.ts'
import type { Finding } from '../plan/plan.ts'
import type { HostSpec, InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { SessionServices } from './session.ts'

export interface AccessOptions {
  readonly spec: ResolvedSpec
  readonly hosts: readonly HostSpec[]
  readonly services: Pick<SessionServices, 'openHost'>
}

/** T9: what the user that runs guests may do on a host. */
export interface HostAccess {
  readonly host: string
  readonly needs: AccessRequest['needs']
  readonly report: AccessReport
  readonly findings: readonly Finding[]
}

export interface HostRepairs<Repair extends AccessRepair = AccessRepair> {
  readonly host: string
  readonly repairs: readonly Repair[]
}

/** Looks at all that the instances which are or may go there need, and at further paths. `user` goes before what the spec says. */
export const checkHosts = (
  progress: Progress,
  options: AccessOptions & { readonly user: string | undefined; readonly paths: readonly string[] },
): Promise<readonly HostAccess[]> =>
  onEachHost(progress, options, async (spec, host) => {
    const observed = await host.observe(progress)
    const own = accessNeeds(options.spec, spec, observed, mayBeOn(spec, options.spec.instances))
    const further = options.paths.filter((path) => own.every((each) => each.path !== path))
    const needs = [...own, ...further.map((path) => ({ path, need: 'read' as const }))]
    const user = options.user ?? spec.runtimeUser
    const report = await host.files.checkAccess(progress, { user, needs })
    return { host: spec.name, needs, report, findings: accessFindings(spec, report, { repair: false }) }
  })

/** As if those that may go to several hosts were on this one. */
const mayBeOn = ({ name }: HostSpec, instances: readonly InstanceSpec[]): readonly InstanceSpec[] =>
  instances.map((instance) =>
    instance.placement?.hosts.includes(name) === true ? { ...instance, host: name } : instance,
  )

/** Does the repairs on their hosts. May be repeated. */
export const repairHosts = (
  progress: Progress,
  options: AccessOptions,
  wanted: readonly HostRepairs[],
): Promise<readonly HostRepairs<AccessChange>[]> =>
  onEachHost(progress, options, async ({ name }, host) => ({
    host: name,
    repairs: await host.files.repairAccess(
      progress,
      wanted.filter((each) => each.host === name).flatMap((each) => each.repairs),
    ),
  }))

/** What `undoHosts` would take back. */
export const grantedOnHosts = (progress: Progress, options: AccessOptions): Promise<readonly HostRepairs[]> =>
  onEachHost(progress, options, async ({ name }, host) => ({
    host: name,
    repairs: await host.files.grantedAccess(progress),
  }))

/** Takes back all that repairs ever gave on these hosts. May be repeated. */
export const undoHosts = (
  progress: Progress,
  options: AccessOptions,
): Promise<readonly HostRepairs<AccessChange>[]> =>
  onEachHost(progress, options, async ({ name }, host) => ({
    host: name,
    repairs: await host.files.undoAccess(progress),
  }))

async function onEachHost<T>(
  progress: Progress,
  { hosts, services }: AccessOptions,
  work: (spec: HostSpec, host: Hypervisor) => Promise<T>,
): Promise<readonly T[]> {
  progress.report({ what: `an answer of ${hosts.map((host) => host.name).join(', ')}` })
  return Promise.all(
    hosts.map(async (spec) => {
      const host = await services.openHost(progress, spec)
      try {
        return await work(spec, host)
      } finally {
        await host.close()
      }
    }),
  )
}
