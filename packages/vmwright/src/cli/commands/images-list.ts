import { composeServices } from '../../compose.ts'
import { findImageDependents } from '../../engine/image-dependents.ts'
import type { Dependent } from '../../images/dependents.ts'
import { type ImageRow, listImages } from '../../images/list.ts'
import { messageOf } from '../../lib/errors.ts'
import { formatBytes } from '../../lib/units.ts'
import { attempt, show, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { imageCaches } from '../image-caches.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import { formatTable } from '../output/table.ts'

export interface ImagesOptions extends SpecOptions {
  readonly image: readonly string[]
}

export interface CacheListing {
  readonly cache: string
  readonly hosts: readonly string[]
  readonly images: readonly ImageRow[]
}

/** The images of the spec and what else the caches hold. A host that does not answer costs the column of users only. */
export async function listCommand(context: CliContext, options: ImagesOptions): Promise<number> {
  return attempt(context, options, async () => {
    const { spec } = await load(context, options)
    const progress = context.progress()
    let dependents: readonly Dependent[] | undefined
    try {
      dependents = await withView(context, {}, (progress) =>
        findImageDependents(progress, spec, composeServices(spec, context)),
      )
    } catch (error) {
      progress.check()
      context.stderr.write(`who uses the images is not known: ${messageOf(error)}\n`)
    }
    const listings: CacheListing[] = []
    for (const { hosts, context: own, images } of await imageCaches(context, spec, options)) {
      const rows = await listImages(progress, images, own, dependents ?? [])
      const isWanted = (row: ImageRow): boolean =>
        options.image.length === 0 || options.image.includes(row.id ?? '')
      listings.push({ cache: own.cacheDir, hosts, images: rows.filter(isWanted) })
    }
    show(context, options.json, listings, () =>
      listings.map((listing) => renderListing(listing, dependents !== undefined)).join('\n'),
    )
    return exitCode.done
  })
}

/** Pure. */
export function renderListing({ cache, hosts, images }: CacheListing, usersKnown: boolean): string {
  const rows = images.map((row) => [
    row.id ?? '-',
    row.from,
    row.cached === undefined ? 'no' : row.isCurrent ? 'yes' : 'old version',
    row.cached === undefined ? '-' : formatBytes(row.cached.sizeBytes),
    row.cached === undefined ? '-' : row.cached.digest.slice(0, 19),
    usersKnown ? row.dependents.map((each) => each.instance).join(', ') || '-' : '?',
  ])
  return (
    `Cache ${cache} of ${hosts.join(', ')}:\n` +
    (rows.length === 0
      ? 'Nothing.\n'
      : formatTable(['IMAGE', 'FROM', 'CACHED', 'SIZE', 'DIGEST', 'USED BY'], rows))
  )
}
