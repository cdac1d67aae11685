import type { ImageDocument, InstanceDocument } from '@vmwright/contract'
import { natureOf } from './processor.ts'

type Architecture = NonNullable<InstanceDocument['architecture']>
type Foreign = Exclude<Architecture, 'x86_64'>

/** How Debian and Ubuntu spell architectures. */
const ports: Readonly<Record<Foreign, string>> = {
  aarch64: 'arm64',
  armv7l: 'armhf',
  ppc64le: 'ppc64el',
  s390x: 's390x',
  riscv64: 'riscv64',
}

/** What Debian publishes for machines of a cloud, by port. */
const debianFlavours: Readonly<Record<string, string>> = {
  amd64: 'genericcloud',
  arm64: 'genericcloud',
  ppc64el: 'generic',
}

const debian =
  (number: string, suite: string) =>
  (version: string, port: string): ImageDocument => {
    const flavour = debianFlavours[port]
    if (flavour === undefined) return {}
    // The publisher repeats the version in the names of files in a version's own folder.
    const fileName = `debian-${number}-${flavour}-${port}${version === 'latest' ? '' : '-{version}'}.qcow2`
    const folder = `https://cdimage.debian.org/cdimage/cloud/${suite}/{version}`
    return {
      url: `${folder}/${fileName}`,
      fileName,
      version,
      checksums: { url: `${folder}/SHA512SUMS`, algorithm: 'sha512' },
    }
  }

const ubuntu =
  (suite: string) =>
  (version: string, port: string): ImageDocument => {
    const fileName = `${suite}-server-cloudimg-${port}.img`
    const folder = `https://cloud-images.ubuntu.com/${suite}/{version}`
    return {
      url: `${folder}/${fileName}`,
      fileName,
      version,
      checksums: { url: `${folder}/SHA256SUMS`, algorithm: 'sha256' },
      signature: { url: `${folder}/SHA256SUMS.gpg`, keyring: ubuntuKeyring },
    }
  }

/** Of the Debian and Ubuntu package `ubuntu-keyring`. The signature is checked where it is installed. */
export const ubuntuKeyring = '/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg'

interface Release {
  readonly distribution: 'debian' | 'ubuntu'
  readonly suite: string
  readonly newest: string
  readonly published: (version: string, port: string) => ImageDocument
}

const releases: Readonly<Record<string, Release>> = {
  'debian-12': {
    distribution: 'debian',
    suite: 'bookworm',
    newest: 'latest',
    published: debian('12', 'bookworm'),
  },
  'debian-13': {
    distribution: 'debian',
    suite: 'trixie',
    newest: 'latest',
    published: debian('13', 'trixie'),
  },
  'ubuntu-24.04': {
    distribution: 'ubuntu',
    suite: 'noble',
    newest: 'current',
    published: ubuntu('noble'),
  },
}

/** Names of the images that need no entry in `images`; each is there for some other architectures too: `NAME.aarch64`. */
export const catalogueKeys: readonly string[] = Object.keys(releases)

/** The image of the catalogue with that name, and where its publisher has it. */
export function catalogued(id: string, version: string | undefined): ImageDocument | undefined {
  const [base, architecture] = architectureOf(id)
  const release = Object.hasOwn(releases, base) ? releases[base] : undefined
  if (release === undefined) return undefined
  const { distribution, suite, newest, published } = release
  const own = published(version ?? newest, architecture === undefined ? 'amd64' : ports[architecture])
  const user = distribution
  if (architecture === undefined) return { ...own, build: { distribution, suite }, user }
  const nature = natureOf(architecture)
  // Images are built for these two.
  if (architecture === 'aarch64')
    return { ...own, ...nature, build: { distribution, suite, architecture }, user }
  return own.url === undefined ? undefined : { ...own, ...nature, user }
}

/** `debian-12.aarch64`: the name of an image, and of the architecture that it is for. */
export function architectureOf(id: string): readonly [base: string, architecture: Foreign | undefined] {
  const dot = id.lastIndexOf('.')
  const end = id.slice(dot + 1)
  const foreign = (Object.keys(ports) as readonly Foreign[]).find((name) => dot > 0 && name === end)
  return foreign === undefined ? [id, undefined] : [id.slice(0, dot), foreign]
}

/**
 * The image that a name means for an architecture: `NAME.ARCHITECTURE` where there is one. An own source under the
 * name itself hides what the catalogue has, since that is another image. `undefined`: the catalogue has it for other
 * architectures only.
 */
export function imageFor(
  id: string,
  architecture: Architecture | undefined,
  declared: Readonly<Record<string, ImageDocument>>,
): string | undefined {
  if (architecture === undefined) return id
  const special = `${id}.${architecture}`
  if (Object.hasOwn(declared, special)) return special
  const own = Object.hasOwn(declared, id) ? declared[id] : undefined
  const isOwn = [own?.url, own?.file, own?.host].some((source) => source !== undefined)
  if (isOwn || architecture === 'x86_64' || !catalogueKeys.includes(id)) return id
  return catalogued(special, undefined) === undefined ? undefined : special
}
