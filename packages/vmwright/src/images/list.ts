import type { Progress } from '../lib/progress.ts'
import type { ImageSource, ImageSpec } from '../spec/resolved.ts'
import { type Dependent, dependentsOf } from './dependents.ts'
import type { ImageContext } from './ensure.ts'
import { imagePath } from './layout.ts'
import { peekImage } from './peek.ts'
import { type CacheFile, scanCache } from './scan.ts'
import { shownUrl } from './url.ts'

/** A row of `vmwright images list`. */
export interface ImageRow {
  /** `undefined`: a cached file that no image of the spec would use now. */
  readonly id: string | undefined
  readonly source: ImageSource['kind']
  /** URL, path, or distribution and suite. */
  readonly from: string
  readonly version: string | undefined
  /** `undefined`: not on this machine, or not verified since it changed. */
  readonly cached:
    | {
        readonly path: string
        readonly digest: string
        readonly format: 'qcow2' | 'raw'
        readonly sizeBytes: number
        readonly virtualSizeBytes: number
        readonly verifiedAt: string | undefined
      }
    | undefined
  /** What would be used now; older versions are not. */
  readonly isCurrent: boolean
  readonly dependents: readonly Dependent[]
}

/** The images of the spec in their order, then what else the cache holds. Reads names and records only. */
export async function listImages(
  progress: Progress,
  images: readonly ImageSpec[],
  context: ImageContext,
  dependents: readonly Dependent[],
): Promise<readonly ImageRow[]> {
  const files = (await scanCache(context.cacheDir)).filter((file) => file.kind === 'image')
  const rows: ImageRow[] = []
  for (const image of images) rows.push(await rowOfImage(progress, image, context, { files, dependents }))
  const peeked = await Promise.all(images.map((image) => peekImage(progress, image, context)))
  // A local file that is in use may have a copy in the cache folder, made for the host: no further version.
  const listed = new Set(
    peeked.flatMap((image) =>
      image === undefined ? [] : [image.path, imagePath(context.cacheDir, image.fileName)],
    ),
  )
  return [
    ...rows,
    ...files.flatMap((file) => (listed.has(file.path) ? [] : (rowOfFile(file, dependents) ?? []))),
  ]
}

async function rowOfImage(
  progress: Progress,
  image: ImageSpec,
  context: ImageContext,
  known: { readonly files: readonly CacheFile[]; readonly dependents: readonly Dependent[] },
): Promise<ImageRow> {
  const peeked = await peekImage(progress, image, context)
  const source = image.sources[0]
  const file = known.files.find((one) => one.path === peeked?.path)
  return {
    id: image.id,
    source: source.kind,
    from: originOf(source),
    version: source.kind === 'url' ? source.version : undefined,
    cached: peeked && {
      path: peeked.path,
      digest: `${peeked.digest.algorithm}:${peeked.digest.hex}`,
      format: peeked.format,
      sizeBytes: peeked.sizeBytes,
      virtualSizeBytes: peeked.virtualSizeBytes,
      verifiedAt: file?.record?.verifiedAt,
    },
    isCurrent: peeked !== undefined,
    dependents: peeked === undefined ? [] : dependentsOf({ ...peeked, record: peeked }, known.dependents),
  }
}

function rowOfFile(file: CacheFile, dependents: readonly Dependent[]): ImageRow | undefined {
  const { record } = file
  if (record === undefined) return undefined
  return {
    id: undefined,
    source: record.origin === 'download' ? 'url' : record.origin,
    from: record.from,
    version: record.version,
    cached: {
      path: file.path,
      digest: `${record.digest.algorithm}:${record.digest.hex}`,
      format: record.format,
      sizeBytes: record.sizeBytes,
      virtualSizeBytes: record.virtualSizeBytes,
      verifiedAt: record.verifiedAt,
    },
    isCurrent: false,
    dependents: dependentsOf(file, dependents),
  }
}

function originOf(source: ImageSource): string {
  switch (source.kind) {
    case 'url':
      return shownUrl(source.url.replaceAll('{version}', source.version))
    case 'file':
      return source.path
    case 'build':
      return `${source.distribution} ${source.suite}`
    case 'host':
      return source.name
  }
}
