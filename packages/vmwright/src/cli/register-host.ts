import type { Command } from 'commander'
import { examples, type Runner, withSpec } from './register.ts'

/** Commands about the hosts themselves. */
export function registerHost(host: Command, run: Runner): void {
  registerPreparation(host, run)
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

const onHosts = (command: Command): Command =>
  withSpec(command)
    .argument('[hosts...]', 'hosts of the spec; all when none is named, this machine without a spec')
    .option('--host-uri <uri>', 'this host in place of a spec: qemu:///system, qemu+ssh://root@rack1/system')
    .option('--detailed-exitcode', 'exit with 2 when there is something to do', false)

function registerPreparation(host: Command, run: Runner): void {
  onHosts(host.command('check').description('see whether hosts have what they need, and whether KVM works'))
    .addHelpText(
      'after',
      examples(
        'vmwright host check                                         the hosts of ./vmwright.yaml, else this machine',
        'vmwright host check --host-uri qemu+ssh://root@rack1/system a host without a spec',
      ),
    )
    .action(run(async () => (await import('./commands/host-check.ts')).hostCheck))

  onHosts(host.command('prepare').description('install and set what hosts need, and keep what was there'))
    .option('--check', 'only show what would be changed', false)
    .option('-y, --yes', 'do not ask before hosts are changed', false)
    .addHelpText(
      'after',
      examples(
        'vmwright host prepare --check         show what would be changed, and change nothing',
        'vmwright host prepare rack1 --yes     prepare one host of the spec',
      ),
    )
    .action(run(async () => (await import('./commands/host-prepare.ts')).hostPrepare))

  onHosts(host.command('restore').description('take back what prepare has changed'))
    .option('--check', 'only show what would be taken back', false)
    .option('-y, --yes', 'do not ask before hosts are changed', false)
    .addHelpText(
      'after',
      examples('vmwright host restore --yes           make the hosts what they were before prepare'),
    )
    .action(run(async () => (await import('./commands/host-restore.ts')).hostRestore))
}
