import { takeCensus } from '../census.ts'
import type { Handler } from '../handlers.ts'
import { withoutOthers } from '../verify-compare.ts'

export const recordHost: Handler<'record-host'> = async (progress, step, context) => {
  const host = context.services.host(step.host)
  const { records, rules } = host.system
  const { project } = context.services.spec
  if ((await records.kept(progress, project)) !== undefined) return
  const observed = await host.observe(progress)
  const census = await takeCensus(progress, host, observed)
  const now = { observed, census, rules: await rules.read(progress) }
  await records.keep(progress, project, withoutOthers(project, now))
}

export const changeItem: Handler<'change-item'> = (progress, step, context) =>
  context.services.system(step.host).items.change(progress, step.item)

export const restoreItem: Handler<'restore-item'> = async (progress, step, context) => {
  const outcome = await context.services.system(step.host).items.restore(progress, step.change)
  if (outcome === 'kept')
    context.notice('warning', `${step.title}: somebody else has changed it since, so it was left as it is.`)
}

export const makeBridge: Handler<'make-bridge'> = (progress, step, context) =>
  context.services.system(step.host).bridges.make(progress, step.bridge)

export const removeBridge: Handler<'remove-bridge'> = (progress, step, context) =>
  context.services.system(step.host).bridges.remove(progress, step.bridge)
