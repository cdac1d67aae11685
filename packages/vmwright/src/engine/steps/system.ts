import { takeCensus } from '../census.ts'
import type { Handler } from '../handlers.ts'
import { withoutOthers } from '../verify-compare.ts'

export const recordHost: Handler<'record-host'> = async (progress, step, context) => {
  const host = context.services.host(step.host)
  const { records, rules } = host.system
  const { project } = context.services.spec
  const observing = host.observe(progress)
  const [observed, census, applied] = await Promise.all([
    observing,
    takeCensus(progress, host, observing),
    rules.read(progress),
  ])
  await records.keep(progress, project, withoutOthers(project, { observed, census, rules: applied }))
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
