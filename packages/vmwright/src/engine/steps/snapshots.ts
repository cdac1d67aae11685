import type { Handler } from '../handlers.ts'

export const createSnapshot: Handler<'create-snapshot'> = (progress, step, context) =>
  context.services.host(step.host).createSnapshot(progress, step.instance ?? '', step.snapshot)

export const deleteSnapshot: Handler<'delete-snapshot'> = (progress, step, context) =>
  context.services.host(step.host).deleteSnapshot(progress, step.instance ?? '', step.snapshot)
