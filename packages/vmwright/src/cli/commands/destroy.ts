import { composeServices } from '../../compose.ts'
import { destroy as destroySpec } from '../../engine/operations.ts'
import { verifyHosts, type HostVerdict } from '../../engine/verify.ts'
import { ProvisionError } from '../../lib/errors.ts'
import { attempt, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode, exitCodeOfError } from '../exit-codes.ts'
import { fail } from '../fail.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import { operate, type OperateOptions } from '../operate.ts'
import { renderVerdicts } from '../output/verify-text.ts'
import { nameSet } from '../request.ts'

export interface DestroyOptions extends SpecOptions, OperateOptions {
  readonly disks: boolean
  readonly adopt: readonly string[]
  readonly check: boolean
  readonly verify: boolean
}

/**
 * Removes the declared machines that are ours. Without confirmation it shows what it would do and exits with 3 (C31).
 * With `--verify` it then compares the hosts with what they were before the project came (K11), also when there was
 * nothing to remove any more.
 */
export async function destroy(
  context: CliContext,
  names: readonly string[],
  options: DestroyOptions,
): Promise<number> {
  if (options.verify && (names.length > 0 || options.check))
    return fail(
      context,
      new ProvisionError('usage.invalid', {
        message: '`--verify` looks at the whole hosts once all is gone: it takes no names, and no `--check`.',
      }),
      options.json,
    )
  const code = await operate(context, names, { ...options, yes: options.yes && !options.check }, 'destroy', {
    work: (progress, operation) =>
      destroySpec(progress, operation, {
        disks: options.disks ? 'delete' : 'keep',
        adopt: nameSet(operation.spec, options.adopt),
      }),
    needsConfirmation: () => true,
    ...(options.check ? { neverAsk: true } : {}),
  })
  return options.verify && code === exitCode.done ? verify(context, options) : code
}

async function verify(context: CliContext, options: DestroyOptions): Promise<number> {
  return attempt(context, options, async () => {
    const { spec } = await load(context, options)
    const services = composeServices(spec, context)
    const verdicts = await withView(context, {}, (progress) => verifyHosts(progress, { spec, services }))
    context.stdout.write(
      options.json ? `${JSON.stringify({ kind: 'verified', hosts: verdicts })}\n` : renderVerdicts(verdicts),
    )
    const wrong = verdicts.filter(({ verdict }) => verdict === 'not-as-before')
    if (wrong.length > 0) throw notAsBefore(spec.project, wrong, options)
    const failed = verdicts.find((each) => each.verdict === 'failed')
    return failed === undefined ? exitCode.done : exitCodeOfError(failed.error.code)
  })
}

const notAsBefore = (
  project: string,
  wrong: readonly HostVerdict[],
  { disks }: DestroyOptions,
): ProvisionError =>
  new ProvisionError('host.not-as-before', {
    message: `Not as before project ${project}: ${wrong.map(({ host }) => host).join(', ')}.`,
    ...(disks ? {} : { hint: 'Disks stay unless `--disks` is given; look at the list for the rest.' }),
    details: { project, hosts: wrong.map(({ host }) => host) },
  })
