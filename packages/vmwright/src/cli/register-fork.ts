import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from './options.ts'
import { examples, lockTimeoutOption, names, namesHelp, type Runner, withSpec } from './register.ts'

/** X9: copies of machines that run, and whether guests are distinct. */
export function registerFork(program: Command, run: Runner): void {
  withSpec(program.command('fork').description('make distinct machines in seconds from one that runs'))
    .argument('[names...]', 'the instance; with --remove, forks, or instances whose forks are meant')
    .addOption(new Option('--count <n>', 'how many').argParser(parseCount).default(1))
    .option('--name <pattern>', 'their names, with {n} for the number; default: NAME-fork-{n}')
    .option('--snapshot <name>', 'of this snapshot with memory, in place of the machine as it runs')
    .option('--cold', 'make them as apply would: from the image, by a first boot', false)
    .addOption(new Option('--list', 'show the forks that there are').default(false).conflicts('remove'))
    .option('--remove', 'remove forks with their disks', false)
    .option('-y, --yes', 'really remove them', false)
    .addOption(lockTimeoutOption())
    .addHelpText(
      'after',
      `
Memory and disks are copied on write. Each fork gets its own name, UUID, MAC, machine-id, SSH host keys and address.
${examples(
  'vmwright fork web-1 --count 10             ten more, web-1-fork-1 to web-1-fork-10',
  'vmwright fork web-1 --name "test-{n}"      another name',
  'vmwright ssh web-1-fork-1                  log in',
  'vmwright fork --list                       what there is',
  'vmwright fork --remove --yes               all of them, gone',
)}`,
    )
    .action(run(async () => (await import('./commands/fork.ts')).fork))

  withSpec(program.command('audit').description('see whether guests share what each should have for itself'))
    .argument(names, namesHelp)
    .option('--all', "the project's forks too", false)
    .addOption(
      new Option('--timeout <duration>', 'for each guest').argParser(parseDuration).default(30_000, '30s'),
    )
    .action(run(async () => (await import('./commands/audit.ts')).audit))
}

function parseCount(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && count <= 200) return count
  throw new InvalidArgumentError('Write a number from 1 to 200.')
}
