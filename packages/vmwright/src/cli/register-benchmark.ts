import { type Command, InvalidArgumentError, Option } from 'commander'
import { jsonOption } from './options.ts'
import { examples, lockTimeoutOption, names, namesHelp, type Runner, withSpec } from './register.ts'

/** C21: how long making machines takes, and whether that has changed. */
export function registerBenchmark(benchmark: Command, run: Runner): void {
  withSpec(
    benchmark
      .command('cold')
      .description('remove the declared machines with their disks, make them again, timed'),
  )
    .argument(names, namesHelp)
    .option('-y, --yes', 'really do it', false)
    .addOption(
      new Option('--repeat <count>', 'how often; `compare` can tell noise from 4 on')
        .argParser(count)
        .default(1),
    )
    .addOption(rootOption())
    .addOption(dirOption('folder for this benchmark, new or empty'))
    .addOption(topOption())
    .addOption(lockTimeoutOption())
    .addHelpText(
      'after',
      `
Images stay cached, and cloud-init neither updates nor upgrades packages. The machines stay as they were made last.
${examples(
  'vmwright benchmark cold                   show what would be removed',
  'vmwright benchmark cold web -y --repeat 4 the machines of group web, four times',
)}`,
    )
    .action(run(async () => (await import('./commands/benchmark-cold.ts')).cold))

  benchmark
    .command('report')
    .description('show what the newest benchmark took, by stage and step')
    .addOption(rootOption())
    .addOption(dirOption('this benchmark, or the timings of any run'))
    .addOption(topOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'vmwright benchmark report --top 50',
        'vmwright benchmark report --root ~/.local/state/vmwright/runs   the last run of all',
      ),
    )
    .action(run(async () => (await import('./commands/benchmark-report.ts')).report))

  benchmark
    .command('compare')
    .description('show two benchmarks side by side, and what of the difference is more than noise')
    .argument('<a>', 'folder of a run, or of its repetitions')
    .argument('<b>', 'likewise')
    .addOption(jsonOption())
    .addHelpText('after', examples('vmwright benchmark compare logs/benchmark/before logs/benchmark/after'))
    .action(run(async () => (await import('./commands/benchmark-compare.ts')).compare))
}

const rootOption = () =>
  new Option('--root <path>', 'folder of all benchmarks').default('logs/benchmark').env('BENCHMARK_ROOT')

const dirOption = (description: string) => new Option('--dir <path>', description).env('BENCHMARK_DIR')

const topOption = () =>
  new Option('--top <count>', 'how many of the slowest steps to show').argParser(count).default(20)

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('Write a whole number from 1 on.')
  return Number(text)
}
