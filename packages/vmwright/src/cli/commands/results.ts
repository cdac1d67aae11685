import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { findRun, listRuns, type StoredRun } from '../../results/read.ts'
import { renderJunit } from '../../results/junit.ts'
import { readTails } from '../../results/tails.ts'
import { messageOf, ProvisionError } from '../../lib/errors.ts'
import { attempt, show } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import { renderLifecycleRun } from '../output/lifecycle-text.ts'
import { hasColors } from '../output/output.ts'
import { renderRunList } from '../output/run-list.ts'
import { resultsFolders } from '../results-folders.ts'

export interface ResultsOptions extends SpecOptions {
  /** Results from here; the spec is not read then. */
  readonly folder?: string
  /** Written there, too. */
  readonly junit?: string
}

/** What became of runs: a list of all, or one of them. */
export async function results(
  context: CliContext,
  name: string | undefined,
  options: ResultsOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const folders =
      options.folder === undefined
        ? resultsFolders((await load(context, options)).spec)
        : [resolve(context.currentDirectory, options.folder)]
    if (name === undefined && options.junit === undefined) {
      const runs = listRuns(folders)
      show(context, options.json, runs.map(listed), () => renderRunList(runs, folders))
      return exitCode.done
    }
    const { folder, run } = findRun(folders, name ?? 'latest')
    if (options.junit !== undefined)
      writeJunit(resolve(context.currentDirectory, options.junit), renderJunit(run, readTails(folder, run)))
    show(context, options.json, { folder, ...run }, () =>
      renderLifecycleRun(run, {
        folder,
        currentDirectory: context.currentDirectory,
        colors: hasColors(context.stdout),
      }),
    )
    return exitCode.done
  })
}

/** Without what each guest did. */
const listed = ({ id, folder, content }: StoredRun) =>
  content.kind === 'run'
    ? {
        ...content.run,
        folder,
        guests: content.run.guests.map(({ name, outcome }) => ({ name, outcome })),
      }
    : { id, folder, problem: content.because }

function writeJunit(path: string, xml: string): void {
  try {
    writeFileSync(path, xml)
  } catch (error) {
    throw new ProvisionError('usage.invalid', {
      message: `JUnit XML cannot be written to ${path}: ${messageOf(error)}`,
      hint: 'Name a file in a folder that you may write to with `--junit`.',
      cause: error,
    })
  }
}
