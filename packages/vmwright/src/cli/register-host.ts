import type { Command } from 'commander'
import { examples, type Runner, withSpec } from './register.ts'

/** Commands about the hosts themselves. */
export function registerHost(host: Command, run: Runner): void {
  withSpec(host.command('access').description('see whether the user that runs guests reaches what they need'))
    .argument('[hosts...]', 'hosts; all when none is named')
    .option('--repair', 'give that user what it lacks, by ACL', false)
    .option('--undo', 'take back all that repairs ever gave', false)
    .option('--user <user>', 'look as this user of the host; that of its configuration otherwise')
    .option(
      '--path <path>',
      'look at this path of the host too (may be repeated)',
      (path: string, before: readonly string[]) => [...before, path],
      [] as readonly string[],
    )
    .option('-y, --yes', 'do not ask before something is changed', false)
    .addHelpText(
      'after',
      examples(
        'vmwright host access                          look; exits with 5 when something is in the way',
        'vmwright host access rack1 --path /srv/gold   look at a further path too, on one host',
        'vmwright host access --repair                 show the setfacl commands, ask, and run them',
        'vmwright host access --undo --yes             make the ACLs what they were before',
      ),
    )
    .action(run(async () => (await import('./commands/host-access.ts')).hostAccess))
}
