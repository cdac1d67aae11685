import type { Handler } from '../handlers.ts'

export const recordHost: Handler<'record-host'> = (progress, step, context) => {
  const { records } = context.services.host(step.host).system
  return records.keep(progress, context.services.spec.project, step.record)
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
