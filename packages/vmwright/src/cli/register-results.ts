import type { Command } from 'commander'
import { examples, type Runner, withSpec } from './register.ts'

/** What became of runs of lifecycles. */
export function registerResults(program: Command, run: Runner): void {
  withSpec(program.command('results').description('show what became of runs of lifecycles'))
    .argument('[run]', 'a run, or `latest`; a list of all when none is named')
    .option('--folder <path>', 'where the results are, in place of the folder that the spec names')
    .option('--junit <path>', 'write JUnit XML of the run (the latest, if none is named) to a file')
    .addHelpText(
      'after',
      examples(
        'vmwright results                        the runs that there are, the newest first',
        'vmwright results latest                 the guests of the last run',
        'vmwright results latest --junit run.xml its JUnit XML, for a CI',
      ),
    )
    .action(run(async () => (await import('./commands/results.ts')).results))
}
