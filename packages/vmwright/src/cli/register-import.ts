import { type Command, Option } from 'commander'
import { jsonOption } from './options.ts'
import { examples, type Runner } from './register.ts'

/** Systems that can be named: the ids of the importers, which a test compares. */
export const importSystems = [
  'template-clones',
  'cloud-images',
  'clusters',
  'guest-lifecycle',
  'hyper-v',
] as const

/** `vmwright import`: files of the systems that people come from. */
export function registerImport(program: Command, run: Runner): void {
  program
    .command('import')
    .description('turn variable files and inventories of another system into a spec')
    .argument('<files...>', 'files, or folders that they are in')
    .addOption(new Option('--from <system>', 'the system, where it is not recognised').choices(importSystems))
    .option('--project <name>', 'name of the project of the new spec')
    .option('-o, --output <path>', 'write the spec to a new file instead of stdout')
    .option('--force', 'replace that file', false)
    .option('--check', 'show what apply of it would do on the hosts, as plan does', false)
    .option('--detailed-exitcode', 'with --check: exit with 2 when there is something to do', false)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'vmwright import vars/ inventory.ini -o vmwright.yaml   take over a whole project',
        'vmwright import vars/kvm-provisioning.yml | less       only look at what comes of it',
        'vmwright import vars/ inventory.ini --check            what would be different on the hosts',
      ),
    )
    .action(run(async () => (await import('./commands/import.ts')).importCommand))
}
