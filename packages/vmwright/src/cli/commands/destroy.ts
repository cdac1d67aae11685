import { destroy as destroySpec } from '../../engine/operations.ts'
import type { CliContext } from '../context.ts'
import type { SpecOptions } from '../options.ts'
import { operate, type OperateOptions } from '../operate.ts'
import { nameSet } from '../request.ts'

export interface DestroyOptions extends SpecOptions, OperateOptions {
  readonly disks: boolean
  readonly adopt: readonly string[]
  readonly check: boolean
}

/** Removes the declared machines that are ours. Without confirmation it shows what it would do and exits with 3 (C31). */
export async function destroy(
  context: CliContext,
  names: readonly string[],
  options: DestroyOptions,
): Promise<number> {
  return operate(context, names, { ...options, yes: options.yes && !options.check }, 'destroy', {
    work: (progress, operation) =>
      destroySpec(progress, operation, {
        disks: options.disks ? 'delete' : 'keep',
        adopt: nameSet(operation.spec, options.adopt),
      }),
    needsConfirmation: () => true,
    ...(options.check ? { neverAsk: true } : {}),
  })
}
