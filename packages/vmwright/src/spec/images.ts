import type { ImageDocument, SpecDocument } from '@vmwright/contract'
import { architectureOf, catalogued } from './catalogue.ts'
import { mergeDeep } from './merge.ts'
import { resolvePath } from './path.ts'
import { toMib } from './quantity.ts'
import type { Report } from './report.ts'
import type { ImageSource, ImageSpec } from './resolved.ts'

export interface ImageContext {
  readonly report: Report
  readonly homeDirectory: string
  readonly allowNocloud: boolean
  /** Key rings of the catalogue that are installed. */
  readonly installedKeyrings: ReadonlySet<string>
}

/** The declared images, and those of the catalogue that instances use. */
export function resolveImages(
  document: SpecDocument,
  used: ReadonlySet<string>,
  context: ImageContext,
): readonly ImageSpec[] {
  const declared = document.images ?? {}
  const builtIn = [...used]
    .filter((id) => catalogued(id, undefined) && !Object.hasOwn(declared, id))
    .toSorted()
  return [...Object.keys(declared), ...builtIn].map((id) =>
    resolveImage(id, Object.hasOwn(declared, id) ? (declared[id] ?? {}) : fromBase(id, declared), context),
  )
}

/** What is said of an image of the catalogue holds for it on other architectures too, as far as it can. */
function fromBase(id: string, declared: Readonly<Record<string, ImageDocument>>): ImageDocument {
  const [base] = architectureOf(id)
  const { version, user } = (Object.hasOwn(declared, base) ? declared[base] : undefined) ?? {}
  return { version, user }
}

function resolveImage(id: string, declared: ImageDocument, context: ImageContext): ImageSpec {
  const builtIn = catalogued(id, declared.version)
  // An own URL or file takes the place of the catalogue's source, with all that belongs to it.
  const replaced = [declared.url, declared.file, declared.host].some((source) => source !== undefined)
  const base: ImageDocument =
    builtIn === undefined || replaced ? { user: builtIn?.user } : withKeyring(builtIn, context)
  const image = mergeDeep(base, declared)
  checkImage(id, image, context)
  const firmware = image.firmware ?? 'uefi'
  return {
    id,
    sources: sourcesOf(id, image, context),
    firmware,
    secureBoot: image.secureBoot ?? false,
    machine: image.machine ?? 'q35',
    seedBus: image.seedBus ?? 'scsi',
    user: image.user ?? 'debian',
  }
}

function withKeyring(image: ImageDocument, context: ImageContext): ImageDocument {
  const { signature, ...rest } = image
  return signature === undefined || !context.installedKeyrings.has(signature.keyring) ? rest : image
}

function checkImage(id: string, image: ImageDocument, { report, allowNocloud }: ImageContext): void {
  const at = ['images', id]
  const told = ['url', 'file', 'host', 'build'].some((name) => report.isWritten([...at, name]))
  const only = (['host', 'file'] as const).find((name) => image[name] !== undefined)
  if (image.url === undefined && only === undefined && typeof image.build !== 'object' && !told) {
    report.atKey(at, 'has no source', 'Give it `url`, `file` or `build`.')
  }
  if (image.build === false && image.url === undefined && only === undefined) {
    report.at([...at, 'build'], 'is the only source and switched off', 'Give it `url` or `file`.')
  }
  if (only !== undefined) {
    const others = ['url', 'build', 'version', 'checksums', 'signature', 'fileName'] as const
    for (const name of only === 'host' ? ([...others, 'digest', 'file'] as const) : others) {
      if (report.isWritten([...at, name]))
        report.at([...at, name], `cannot stand beside \`${only}\``, 'Remove one of the two.')
    }
  }
  if (image.secureBoot === true && image.firmware === 'bios') {
    report.at(
      [...at, 'secureBoot'],
      'needs `firmware: uefi`',
      'Change the firmware, or switch Secure Boot off.',
    )
  }
  if (image.url?.includes('{version}') === false && report.isWritten([...at, 'version'])) {
    report.at(
      [...at, 'version'],
      'has no effect, because the URL has no `{version}`',
      'Write `{version}` in the place of the version directory.',
      'warning',
    )
  }
  for (const name of ['url', 'fileName', 'file'] as const) {
    if (!allowNocloud && image[name]?.toLowerCase().includes('nocloud') === true) {
      report.at(
        [...at, name],
        'is a `nocloud` image, which is not accepted',
        'Take the `genericcloud` image, or set `allowNocloud: true` in `imagePolicy`.',
      )
    }
  }
}

function sourcesOf(
  id: string,
  image: ImageDocument,
  { report, homeDirectory }: ImageContext,
): ImageSpec['sources'] {
  const inFolderOf = (field: readonly string[], path: string): string =>
    resolvePath(report.placeOf(['images', id, ...field]).source.folder, path, homeDirectory)
  const sources: ImageSource[] = []
  const { url, build } = image
  if (url !== undefined) {
    const version = image.version ?? 'latest'
    const folder = url.slice(0, url.lastIndexOf('/'))
    const algorithm = image.checksums?.algorithm ?? 'sha512'
    sources.push({
      kind: 'url',
      url,
      fileName: (image.fileName ?? url.slice(url.lastIndexOf('/') + 1)).replaceAll('{version}', version),
      version,
      checksums: { url: image.checksums?.url ?? `${folder}/${algorithm.toUpperCase()}SUMS`, algorithm },
      pinnedDigest: image.digest?.toLowerCase(),
      signature:
        image.signature === undefined
          ? undefined
          : {
              url: image.signature.url,
              keyring: inFolderOf(['signature', 'keyring'], image.signature.keyring),
            },
    })
  }
  if (image.file !== undefined)
    sources.push({ kind: 'file', path: inFolderOf(['file'], image.file), digest: digestOf(image.digest) })
  if (image.host !== undefined) sources.push({ kind: 'host', name: image.host })
  if (typeof build === 'object') {
    sources.push({
      kind: 'build',
      distribution: build.distribution,
      suite: build.suite,
      architecture: build.architecture,
      mirror: build.mirror,
      extraPackages: build.packages ?? [],
      sizeMib: toMib(build.size ?? '2GiB'),
    })
  }
  const [first, ...rest] = sources
  return first === undefined ? [{ kind: 'file', path: '', digest: undefined }] : [first, ...rest]
}

function digestOf(digest: string | undefined): Extract<ImageSource, { kind: 'file' }>['digest'] {
  const [algorithm, hex] = digest?.toLowerCase().split(':') ?? []
  return (algorithm === 'sha256' || algorithm === 'sha512') && hex !== undefined
    ? { algorithm, hex }
    : undefined
}
