import { resolve } from 'node:path'
import { newestSet, readSet } from '../../timings/read.ts'
import { type BenchmarkReport, reportOf } from '../../timings/report.ts'
import { attempt, show } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { renderReport } from '../output/benchmark-text.ts'
import { ProvisionError } from '../../lib/errors.ts'

export interface ReportOptions {
  readonly root: string
  readonly dir?: string
  readonly top: number
  readonly json: boolean
}

/** What the newest benchmark, or the one named, took. */
export async function report(context: CliContext, options: ReportOptions): Promise<number> {
  return attempt(context, options, async () => {
    const result = await readReport(context, options)
    show(context, options.json, result, () => renderReport(result))
    return exitCode.done
  })
}

/** Throws `benchmark.no-data`. */
export async function readReport(
  { currentDirectory }: CliContext,
  { root, dir, top }: Omit<ReportOptions, 'json'>,
): Promise<BenchmarkReport> {
  const set =
    dir === undefined
      ? await newestSet(resolve(currentDirectory, root))
      : await readSet(resolve(currentDirectory, dir))
  const result = reportOf(set, top)
  if (result === undefined)
    throw new ProvisionError('internal.bug', { message: `${set.directory} has lost its runs.` })
  return result
}
