import type { ErrorReport } from '@vmwright/contract'
import { runTasks, type Task } from '../../engine/tasks.ts'
import { peekImage } from '../../images/peek.ts'
import { type CacheFile, scanCache } from '../../images/scan.ts'
import { type Verification, verifyFile } from '../../images/verify.ts'
import { reportOf } from '../../lib/error-report.ts'
import type { Progress } from '../../lib/progress.ts'
import { formatBytes } from '../../lib/units.ts'
import { attempt, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode, exitCodeOfOutcome } from '../exit-codes.ts'
import { renderError } from '../fail.ts'
import { imageCaches, type ImageCache } from '../image-caches.ts'
import { load } from '../load.ts'
import { stamped } from '../output/output.ts'
import { formatTable } from '../output/table.ts'
import type { ImagesOptions } from './images-list.ts'

/** Reads the cached images in full and compares each with its digest. Exit code 1 when one is wrong. */
export async function verifyCommand(context: CliContext, options: ImagesOptions): Promise<number> {
  return attempt(context, options, async () => {
    const { spec } = await load(context, options)
    const results: Verification[] = []
    const tasks: Task[] = []
    for (const cache of await imageCaches(context, spec, options))
      for (const file of await filesOf(context.progress(), cache, options.image.length > 0))
        tasks.push(verifyTask(cache, file, results))
    const { outcome, errors } = await withView(context, options, (progress, sink) =>
      runTasks(progress, tasks, {
        command: 'images verify',
        project: spec.project,
        onEvent: (event) => sink.event(stamped(event, context.seam.nowMs())),
        onFailure: 'go-on',
      }),
    )
    tell(context, options.json, results, [...errors.values()])
    const isWrong = results.some((result) => result.kind === 'wrong')
    return outcome === 'done' && isWrong ? exitCode.failed : exitCodeOfOutcome(outcome)
  })
}

/** All of the cache, or what the images asked for would use now. */
async function filesOf(
  progress: Progress,
  { context, images }: ImageCache,
  onlyThose: boolean,
): Promise<readonly CacheFile[]> {
  const files = (await scanCache(context.cacheDir)).filter((file) => file.kind === 'image')
  if (!onlyThose) return files
  const peeked = await Promise.all(images.map((image) => peekImage(progress, image, context)))
  const paths = new Set(peeked.map((image) => image?.path))
  return files.filter((file) => paths.has(file.path))
}

const verifyTask = (cache: ImageCache, file: CacheFile, results: Verification[]): Task => ({
  id: file.path,
  kind: 'verify-image',
  host: cache.hosts[0] ?? '',
  title: `verify ${file.fileName} (${formatBytes(file.sizeBytes)})`,
  run: async (progress) => void results.push(await verifyFile(progress, file)),
})

function tell(
  context: CliContext,
  json: boolean,
  results: readonly Verification[],
  errors: readonly ErrorReport[],
): void {
  if (json) {
    const files = results.map((result) => ({
      path: result.file.path,
      verdict: result.kind,
      ...(result.kind === 'wrong' ? { error: reportOf(result.error) } : {}),
    }))
    context.stdout.write(`${JSON.stringify({ kind: 'result', files, errors })}\n`)
    return
  }
  for (const result of results)
    if (result.kind === 'wrong') context.stderr.write(renderError(reportOf(result.error)))
  for (const error of errors) context.stderr.write(renderError(error))
  context.stdout.write(
    results.length === 0
      ? 'Nothing is cached.\n'
      : formatTable(
          ['VERDICT', 'SIZE', 'FILE'],
          results.map(({ kind, file }) => [
            kind === 'unknown' ? 'not ours' : kind,
            formatBytes(file.sizeBytes),
            file.path,
          ]),
        ),
  )
}
