import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { InstanceSpec, ResolvedSpec } from '../../spec/resolved.ts'
import { hostOf } from '../host-facts.ts'
import { addressesOf } from '../logins.ts'
import type { Guest } from './job.ts'
import { type Survey, surveyHosts } from './survey.ts'

/** G9. A guest has become a host: the spec says how it is reached, and what it has is looked at. */
export async function openNested(
  progress: Progress,
  { job, machine, line }: Guest,
  { spec, instances }: { readonly spec: ResolvedSpec; readonly instances: readonly InstanceSpec[] },
): Promise<{ readonly spec: ResolvedSpec; readonly survey: Survey }> {
  const { instance, options } = job
  progress.report({ what: `${instance.name} as a host` })
  await line.drop()
  const addresses = await addressesOf(progress, machine.host, instance)
  if (addresses.length === 0)
    throw new ProvisionError('guest.no-address', {
      message: `${instance.name} is to be a host, and has no address.`,
    })
  const login = {
    instance: instance.name,
    user: machine.mark.user || instance.cloudInit.user.name,
    addresses,
    port: instance.ready.port,
    hostKeys: machine.mark.hostKeys,
    outer: hostOf(spec, instance.host),
  }
  const hosts = await Promise.all(
    spec.hosts.map((host) =>
      host.guest === instance.name ? options.services.nestedHost(progress, host, login) : host,
    ),
  )
  const reachable = { ...spec, hosts }
  return { spec: reachable, survey: await surveyHosts(progress, reachable, instances, options) }
}
