import { ProvisionError } from '../../lib/errors.ts'
import { attempt } from '../attempt.ts'
import { type CommandTable, commandTable } from '../command-table.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { loadProblems } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import type { ResolvedSpec } from '../../spec/resolved.ts'
import { resultsFolders } from '../results-folders.ts'
import { buildProgram } from '../program.ts'
import { renderBash, renderFish, renderZsh } from '../output/completion-script.ts'

const shells: Readonly<Record<string, (table: CommandTable) => string>> = {
  bash: renderBash,
  zsh: renderZsh,
  fish: renderFish,
}

export interface CompletionOptions extends Omit<SpecOptions, 'json'> {
  /** Present: names alone are printed. */
  readonly names?: 'instances' | 'networks' | 'runs'
}

/** A completion script for a shell, or (for the script) the names that the spec has now. */
export async function completion(
  context: CliContext,
  shell: string | undefined,
  options: CompletionOptions,
): Promise<number> {
  return attempt(context, {}, async () => {
    if (options.names !== undefined) return await printNames(context, options)
    const render = shells[shell ?? '']
    if (render === undefined)
      throw new ProvisionError('usage.invalid', {
        message: shell === undefined ? 'No shell is named.' : `There is no completion for ${shell}.`,
        hint: `Name one of: ${Object.keys(shells).join(', ')}.`,
      })
    context.stdout.write(render(commandTable(buildProgram(() => async () => {}))))
    return exitCode.done
  })
}

const namesIn: Readonly<
  Record<'instances' | 'networks' | 'runs', (spec: ResolvedSpec) => Names | Promise<Names>>
> = {
  instances: ({ instances }) => instances.flatMap(({ name, group }) => [name, group]),
  networks: ({ networks }) => networks.filter(({ own }) => own !== undefined).map(({ id }) => id),
  async runs(spec) {
    const { latestName, runsIn } = await import('../../results/run-folder.ts')
    return [latestName, ...resultsFolders(spec).flatMap(runsIn)]
  },
}

type Names = readonly string[]

/** Nothing but names on stdout, and nothing on stderr: it runs while somebody types. */
async function printNames(context: CliContext, options: CompletionOptions): Promise<number> {
  try {
    const { spec } = await loadProblems(context, { ...options, json: false })
    if (spec === undefined || options.names === undefined) return exitCode.done
    for (const name of new Set(await namesIn[options.names](spec))) context.stdout.write(`${name}\n`)
  } catch {
    // A spec that cannot be read has no names; the command itself will say why.
  }
  return exitCode.done
}
