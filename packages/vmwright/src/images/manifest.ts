import { ProvisionError } from '../lib/errors.ts'
import { type Digest, digestLength } from './layout.ts'

/** No publisher's list of digests is near this. */
export const maxManifestBytes = 1024 * 1024

interface ManifestLine {
  readonly algorithm: Digest['algorithm'] | undefined
  readonly hex: string
  readonly fileName: string
}

/**
 * The digest that a checksum manifest gives for exactly `fileName`. Understands what coreutils write: the GNU form
 * `DIGEST  NAME` or `DIGEST *NAME`, and the BSD form (`--tag`) `SHA256 (NAME) = DIGEST`; other lines are comments.
 * A name with a folder is another file. Throws `image.manifest-failed` unless one line, and only one, is there and
 * has as many digits as the algorithm wants.
 */
export function findDigest(text: string, fileName: string, algorithm: Digest['algorithm']): Digest {
  const lines = text.split('\n').flatMap((line) => parseLine(line.trimEnd()) ?? [])
  const matching = lines.filter(
    (line) => line.fileName === fileName && (line.algorithm === undefined || line.algorithm === algorithm),
  )
  const [found] = matching
  if (found === undefined) {
    const names = nearest(
      fileName,
      lines.map((line) => line.fileName),
    )
    throw failed(`has no ${algorithm} line for ${fileName}`, {
      hint: names.length === 0 ? 'Check the URL of `checksums`.' : `It has lines for ${names.join(', ')}.`,
    })
  }
  if (matching.length > 1) throw failed(`has ${matching.length} lines for ${fileName}`)
  if (found.hex.length !== digestLength[algorithm]) {
    throw failed(
      `has ${found.hex.length} hex digits for ${fileName}; ${algorithm} has ${digestLength[algorithm]}`,
      {
        hint: 'Check `checksums.algorithm` of the image.',
      },
    )
  }
  return { algorithm, hex: found.hex.toLowerCase() }
}

function parseLine(line: string): ManifestLine | undefined {
  const bsd = /^(SHA256|SHA512) \((.+)\) = ([0-9a-fA-F]+)$/.exec(line)
  if (bsd !== null) {
    const [, tag = '', fileName = '', hex = ''] = bsd
    return { algorithm: tag === 'SHA256' ? 'sha256' : 'sha512', hex, fileName }
  }
  const [, hex, fileName] = /^([0-9a-fA-F]{32,128}) [ *](.+)$/.exec(line) ?? []
  return hex === undefined || fileName === undefined ? undefined : { algorithm: undefined, hex, fileName }
}

/** Up to three names, those with the longest common beginning first. */
function nearest(wanted: string, names: readonly string[]): readonly string[] {
  const shared = (name: string): number => {
    let length = 0
    while (length < name.length && name[length] === wanted[length]) length++
    return length
  }
  return [...new Set(names)]
    .filter((name) => shared(name) > 2)
    .toSorted((a, b) => shared(b) - shared(a))
    .slice(0, 3)
}

const failed = (reason: string, extra: { readonly hint?: string } = {}): ProvisionError =>
  new ProvisionError('image.manifest-failed', { message: `The checksum manifest ${reason}.`, ...extra })
