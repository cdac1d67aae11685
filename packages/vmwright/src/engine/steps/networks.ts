import type { Handler } from '../handlers.ts'

export const ensureNetwork: Handler<'ensure-network'> = (progress, step, context) =>
  context.services.host(step.host).networks.ensure(progress, step.network)

export const updateNetwork: Handler<'update-network'> = (progress, step, context) =>
  context.services.host(step.host).networks.update(progress, step.network, step.how)

export const removeNetwork: Handler<'remove-network'> = (progress, step, context) =>
  context.services.host(step.host).networks.remove(progress, step.network)

export const reattachVm: Handler<'reattach-vm'> = (progress, step, context) =>
  context.services.host(step.host).networks.reattach(progress, step.vm)

export const applyRules: Handler<'apply-rules'> = (progress, step, context) =>
  context.services.system(step.host).rules.apply(progress, step.rules)

export const removeRules: Handler<'remove-rules'> = (progress, step, context) =>
  context.services.system(step.host).rules.remove(progress, step.owner)
