import { type Command, InvalidArgumentError, Option } from 'commander'
import { lifecycleActions } from '../spec/resolved-lifecycle.ts'
import { namesOption } from './options.ts'
import { examples, lockTimeoutOption, names, namesHelp, type Runner, withSpec } from './register.ts'

/** `vmwright run`: lifecycles of guests. */
export function registerRun(program: Command, run: Runner): void {
  withSpec(program.command('run').description('run the lifecycles of guests: phases, from kept snapshots'))
    .argument(names, namesHelp)
    .option('--platform <platform>', 'only guests of this platform of the matrix')
    .option('--target <target>', 'only guests of this target of the matrix')
    .addOption(actionsOption('--allow <actions>', 'do only this, in place of what the spec allows'))
    .addOption(actionsOption('--skip <actions>', 'do not do this'))
    .option(
      '--revision <revision>',
      'revision of the snapshots, in place of that of the spec; `auto` follows what they are made of',
    )
    .addOption(namesOption('rebuild', 'make these machines anew first, snapshots and disks included'))
    .option('--keep-running', 'do not shut the guests down in the end', false)
    .option('--fail-fast', 'stop the others when a guest fails', false)
    .addOption(new Option('--parallel <count>', 'guests at once, at most').argParser(positive))
    .option('--results <path>', 'folder for results, in place of that of the spec')
    .option('--verbose', 'show all that guests print', false)
    .option('--explain', 'only tell which files serve the phases, what is kept and what would run', false)
    .option('-y, --yes', 'do not ask before --rebuild of machines that are not disposable', false)
    .addOption(lockTimeoutOption())
    .addHelpText(
      'after',
      `
For each guest: make the machine if it is missing, bring it back to the highest snapshot that still holds, run the
phases above that, keep what they made, run main; then terminate and the shutdown, also after a failure and after
Ctrl-C (a second Ctrl-C stops at once, and the next run ends what was left).

Actions: ${lifecycleActions.join(', ')}.
Exits with 1 when a guest failed, with 130 when it was cancelled.
${examples(
  'vmwright run                              all guests',
  'vmwright run --explain                    what it would do, and why',
  'vmwright run --platform debian --skip terminate,shutdown',
  'vmwright run web --rebuild web            from a machine made anew',
)}`,
    )
    .action(run(async () => (await import('./commands/run.ts')).run))
}

const actionsOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((text: string, before: readonly string[] | undefined) => {
    const actions = text.split(',').filter((action) => action !== '')
    const unknown = actions.find((action) => !(lifecycleActions as readonly string[]).includes(action))
    if (unknown !== undefined)
      throw new InvalidArgumentError(
        `There is no action ${unknown}; there are ${lifecycleActions.join(', ')}.`,
      )
    return [...(before ?? []), ...actions]
  })

function positive(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError('Write a number from 1.')
  return count
}
