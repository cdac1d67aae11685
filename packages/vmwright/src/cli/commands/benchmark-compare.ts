import { resolve } from 'node:path'
import { compareSets } from '../../timings/compare.ts'
import { readSet } from '../../timings/read.ts'
import { attempt, show } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { renderComparison } from '../output/benchmark-text.ts'

/** Two runs, or two sets of repetitions, side by side. A difference is no failure: the exit code tells nothing of it. */
export async function compare(
  context: CliContext,
  a: string,
  b: string,
  options: { readonly json: boolean },
): Promise<number> {
  return attempt(context, options, async () => {
    const readAt = (path: string) => readSet(resolve(context.currentDirectory, path))
    const result = compareSets(await readAt(a), await readAt(b))
    show(context, options.json, result, () => renderComparison(result))
    return exitCode.done
  })
}
