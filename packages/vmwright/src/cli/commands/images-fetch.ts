import type { ErrorReport } from '@vmwright/contract'
import { runTasks, type Task, type TaskOutcome } from '../../engine/tasks.ts'
import { type CachedImage, ensureImage, type ImageContext } from '../../images/ensure.ts'
import { ProvisionError } from '../../lib/errors.ts'
import { formatBytes } from '../../lib/units.ts'
import type { ImageSpec } from '../../spec/resolved.ts'
import { attempt, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode, exitCodeOfOutcome } from '../exit-codes.ts'
import { renderError } from '../fail.ts'
import { imageCaches } from '../image-caches.ts'
import { load } from '../load.ts'
import { stamped } from '../output/output.ts'
import { formatTable } from '../output/table.ts'
import type { ImagesOptions } from './images-list.ts'

export interface FetchOptions extends ImagesOptions {
  readonly force: boolean
}

/** Fetches and verifies the images of the spec, from whatever source each has. No host is asked. */
export const pullCommand = (context: CliContext, options: FetchOptions): Promise<number> =>
  fetchImages(context, options, { command: 'images pull', title: 'pull', only: (image) => [image] })

/** Builds the images that have a `build` source, also where another source comes first. */
export const buildCommand = (context: CliContext, options: FetchOptions): Promise<number> =>
  fetchImages(context, options, {
    command: 'images build',
    title: 'build',
    only: (image) => {
      const source = image.sources.find((each) => each.kind === 'build')
      return source === undefined ? [] : [{ ...image, sources: [source] }]
    },
  })

interface Fetching {
  readonly command: string
  readonly title: string
  readonly only: (image: ImageSpec) => readonly ImageSpec[]
}

async function fetchImages(context: CliContext, options: FetchOptions, how: Fetching): Promise<number> {
  return attempt(context, options, async () => {
    const { spec } = await load(context, options)
    const fetched: CachedImage[] = []
    const caches = await imageCaches(context, spec, options)
    const tasks = caches.flatMap((cache) =>
      cache.images
        .flatMap(how.only)
        .map((image) =>
          fetchTask(image, cache.context, `${how.title} image ${image.id}`, cache.hosts, fetched),
        ),
    )
    if (tasks.length === 0)
      throw new ProvisionError('image.not-found', {
        message: `The spec ${options.file} has no image to ${how.title}.`,
        hint: 'Declare one under `images`, or name one of the catalogue as `image` of an instance.',
      })
    const outcome = await withView(context, options, (progress, sink) =>
      runTasks(progress, tasks, {
        command: how.command,
        project: spec.project,
        onEvent: (event) => sink.event(stamped(event, context.seam.nowMs())),
        onFailure: 'go-on',
      }),
    )
    return tell(context, options.json, fetched, outcome)
  })
}

const fetchTask = (
  image: ImageSpec,
  own: ImageContext,
  title: string,
  hosts: readonly string[],
  fetched: CachedImage[],
): Task => ({
  id: `${own.cacheDir}/${image.id}`,
  kind: 'fetch-image',
  host: hosts[0] ?? '',
  title,
  run: async (progress) => void fetched.push(await ensureImage(progress, image, own)),
})

function tell(
  context: CliContext,
  json: boolean,
  images: readonly CachedImage[],
  { outcome, errors }: TaskOutcome,
): number {
  if (json) {
    const failures: readonly ErrorReport[] = [...errors.values()]
    context.stdout.write(`${JSON.stringify({ kind: 'result', outcome, images, errors: failures })}\n`)
  } else {
    for (const error of errors.values()) context.stderr.write(renderError(error))
    if (images.length > 0) context.stdout.write(renderImages(images))
  }
  return outcome === 'failed' ? exitCode.failed : exitCodeOfOutcome(outcome)
}

const renderImages = (images: readonly CachedImage[]): string =>
  formatTable(
    ['IMAGE', 'FROM', 'SIZE', 'DISK', 'FILE'],
    images.map((image) => [
      image.id,
      image.source,
      formatBytes(image.sizeBytes),
      formatBytes(image.virtualSizeBytes),
      image.path,
    ]),
  )
