import { Command, Option } from 'commander'
import { stages } from '../plan/plan.ts'
import { version } from '../version.ts'
import { registerImport } from './register-import.ts'
import { registerMore } from './more.ts'
import { registerRun } from './register-run.ts'
import { registerResults } from './register-results.ts'
import { namesOption, networksOption } from './options.ts'
import {
  examples,
  lockTimeoutOption,
  names,
  namesHelp,
  type Runner,
  timingsOption,
  withSpec,
} from './register.ts'

/**
 * The command line: names and options only. Each command's code is loaded when it is run, so that `--help` and
 * `validate` do not pay for the hypervisor clients.
 */
export function buildProgram(run: Runner): Command {
  const program = new Command('vmwright')
    .description('Provisions virtual machines on KVM hosts from one spec.')
    .version(version, '-V, --version')
    .showHelpAfterError('(see --help)')
    .enablePositionalOptions()
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  vmwright validate                     see whether the spec is right, without a host
  vmwright plan                         show what apply would do
  vmwright apply                        make the hosts be as the spec says
  vmwright ssh web-1                    log in
  vmwright destroy --disks              show what would be removed; --yes removes it

Exit codes: 0 done, 1 failed, 2 changes pending (plan --detailed-exitcode), 3 not confirmed, 4 spec invalid,
5 blocked by findings, 6 host unavailable or locked, 64 usage, 130 cancelled.`,
    )
  registerLifeCycle(program, run)
  registerRun(program, run)
  registerResults(program, run)
  registerMore(program, run)
  registerImport(program, run)
  return program
}

function registerLifeCycle(program: Command, run: Runner): void {
  withSpec(program.command('validate').description('check the spec, without touching a host')).action(
    run(async () => (await import('./commands/validate.ts')).validate),
  )

  applyOptions(program.command('plan').description('show the difference between spec and hosts'))
    .option('--detailed-exitcode', 'exit with 2 when there is something to do', false)
    .option('--steps', 'show every step', false)
    .action(run(async () => (await import('./commands/plan.ts')).plan))

  applyOptions(program.command('apply').description('make the hosts be as the spec says'))
    .option('--check', 'stop after the plan', false)
    .option('-y, --yes', 'do not ask before machines are replaced, reseeded or taken over', false)
    .addOption(lockTimeoutOption())
    .addOption(timingsOption())
    .addHelpText(
      'after',
      examples(
        'vmwright apply                        all instances of ./vmwright.yaml',
        'vmwright apply web db-1 --check       only show what would be done to these',
        'vmwright apply --stage image-cache    only fetch and verify the images',
        'vmwright apply --replace web-2        destroy web-2 with its disks and make it again',
      ),
    )
    .action(run(async () => (await import('./commands/apply.ts')).apply))

  withSpec(program.command('destroy').description('remove the declared machines'))
    .argument(names, namesHelp)
    .option('--disks', 'remove their disks, seeds and leftover files too', false)
    .addOption(namesOption('adopt', 'remove machines of these names although vmwright did not make them'))
    .option('--check', 'only show what would be removed', false)
    .option('--verify', 'then compare the hosts with what they were before the first apply', false)
    .option('-y, --yes', 'really do it', false)
    .addOption(lockTimeoutOption())
    .addOption(timingsOption())
    .addHelpText(
      'after',
      examples(
        'vmwright destroy                  show what would be removed, disks kept',
        'vmwright destroy web --disks -y   remove the machines of group web and all their files',
        'vmwright destroy --disks --verify remove all, and see that nothing is left',
      ),
    )
    .action(run(async () => (await import('./commands/destroy.ts')).destroy))

  withSpec(program.command('status').description('show the machines as they are'))
    .argument(names, namesHelp)
    .action(run(async () => (await import('./commands/status.ts')).status))
}

const applyOptions = (command: Command): Command =>
  withSpec(command)
    .argument(names, namesHelp)
    .addOption(new Option('--stage <stage>', 'run one stage alone').choices(stages).default('full'))
    .addOption(namesOption('adopt', 'take over machines of these names that were not made by vmwright'))
    .addOption(namesOption('replace', 'destroy and create these again, disks included'))
    .addOption(namesOption('reseed', 'run cloud-init again in these, as on a first boot'))
    .addOption(namesOption('restart', 'shut these down and start them again, with what has changed'))
    .addOption(networksOption('restart-network', 'restart these networks although machines are connected'))
    .addOption(namesOption('reuse-disks', 'use disks left over from an earlier machine of the name'))
    .option('--refresh-images', 'ask the publishers for newer images whatever the policy says', false)
