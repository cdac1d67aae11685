import { composeServices } from '../../compose.ts'
import { obstacleTo } from '../../engine/logins.ts'
import { Session } from '../../engine/session.ts'
import { attachConsole } from '../../guest/console-attach.ts'
import { attempt } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load, requireInstance } from '../load.ts'
import type { SpecOptions } from '../options.ts'

/** K10: the terminal becomes the guest's serial console until Ctrl-] is typed. */
export async function console(
  context: CliContext,
  name: string,
  options: Omit<SpecOptions, 'json'>,
): Promise<number> {
  return attempt(context, {}, async () => {
    const { spec } = await load(context, { ...options, json: false }, [name])
    const declared = requireInstance(spec, name)
    const progress = context.progress()
    await using session = await Session.open(progress, spec, [declared], composeServices(spec, context))
    const instance = await session.locateOne(progress)
    const host = session.host(instance.host)
    const { vms } = await host.observe(progress)
    const obstacle = obstacleTo(
      spec,
      instance,
      vms.find((vm) => vm.name === instance.name),
    )
    if (obstacle !== undefined) throw obstacle
    const stream = await host.guest(instance.name).console(progress)
    context.stderr.write(`Connected to ${name}; Ctrl-] leaves, Enter shows a prompt.\n`)
    const end = await attachConsole(progress, stream, { input: context.stdin, output: context.stdout })
    context.stderr.write(
      end === 'left' ? `\nLeft ${name}; it runs on.\n` : `\nThe console of ${name} ended.\n`,
    )
    return exitCode.done
  })
}
