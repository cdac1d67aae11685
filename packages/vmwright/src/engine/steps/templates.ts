import { ProvisionError } from '../../lib/errors.ts'
import { inTurn } from '../../lib/turns.ts'
import type { HostSpec } from '../../spec/resolved.ts'
import { readIdentity } from '../../templates/gather.ts'
import { rememberRestart } from '../../templates/remember.ts'
import type { RunContext } from '../context.ts'
import type { Handler } from '../handlers.ts'

/**
 * Asks the template's guest to shut down and waits; its power is never cut. That it is to be started again is kept
 * first, so that it is known also when this process dies.
 */
export const shutDownTemplate: Handler<'shut-down-template'> = async (progress, step, context) => {
  const { domain } = step.template.spec
  const host = context.services.host(step.host)
  if (step.restart)
    await rememberRestart(progress, context.services.templates, hostOf(context, step.host), domain, 'due')
  progress.report({ what: `the template ${domain} to shut down` })
  await host.stopVm(progress, domain, 'graceful')
  const paths = step.template.disks.map(({ path }) => path)
  const identity = await readIdentity(progress, host, paths, 'quickly') // it wrote to them until now
  if (identity !== undefined) context.state.templates.set(`${step.host}/${domain}`, identity)
}

export const startTemplate: Handler<'start-template'> = async (progress, step, context) => {
  await context.services.host(step.host).startVm(progress, step.domain)
  await rememberRestart(progress, context.services.templates, hostOf(context, step.host), step.domain, 'done')
}

/** One after another, because each looks at what is to be kept of the files as they are. */
export const protectTemplate: Handler<'protect-template'> = (progress, step, context) =>
  inTurn(context.state.turns, `protect ${step.host}`, () =>
    context.services.host(step.host).files.protect(progress, step.paths),
  )

export const releaseTemplate: Handler<'release-template'> = (progress, step, context) =>
  context.services.host(step.host).files.release(progress, step.paths)

function hostOf({ services }: RunContext, name: string): HostSpec {
  const host = services.spec.hosts.find((candidate) => candidate.name === name)
  if (host === undefined)
    throw new ProvisionError('internal.bug', { message: `The spec has no host ${name}.` })
  return host
}
