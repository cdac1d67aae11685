import type { ImageBuildSpec } from './recipe.ts'

/** A file of /etc/apt: `sources.list`, or one of `sources.list.d`. */
export interface AptSourcesFile {
  readonly name: string
  readonly content: string
}

interface AptSource {
  readonly uri: string
  readonly suite: string
  readonly components: readonly string[]
  readonly signedBy: string | undefined
}

const debianMirrors = {
  archive: 'http://deb.debian.org/debian',
  security: 'http://deb.debian.org/debian-security',
}
const ubuntuPorts = 'http://ports.ubuntu.com/ubuntu-ports'

/** Ubuntu keeps its first architecture and all others on different servers. */
const publicMirrors = {
  amd64: {
    debian: debianMirrors,
    ubuntu: { archive: 'http://archive.ubuntu.com/ubuntu', security: 'http://security.ubuntu.com/ubuntu' },
  },
  arm64: { debian: debianMirrors, ubuntu: { archive: ubuntuPorts, security: ubuntuPorts } },
} as const

/**
 * The lines of sources.list for the image. In order: the mirror asked for; the build machine's own sources of
 * that suite, which may be all that the machine can reach; the distribution's public mirrors.
 */
export function chooseAptSources(
  spec: Pick<ImageBuildSpec, 'distribution' | 'suite' | 'architecture' | 'mirror'>,
  machineFiles: readonly AptSourcesFile[],
): readonly string[] {
  const { archive, security } = publicMirrors[spec.architecture][spec.distribution]
  if (spec.mirror !== undefined) return [line(spec, spec.mirror, spec.suite)]
  const own = machineFiles
    .flatMap(parseSources)
    .filter((source) => belongs(spec, source) && hasArchitecture(spec, source))
  const lines = own.map((source) => line(spec, source.uri, source.suite))
  if (own.some((source) => source.suite === spec.suite)) return [...new Set(lines)]
  return [
    line(spec, archive, spec.suite),
    line(spec, archive, `${spec.suite}-updates`),
    line(spec, security, `${spec.suite}-security`),
  ]
}

/**
 * The lines of `file` that have the suite, with their options: where the build takes its packages from in place of
 * the image's own sources, which are not changed by it. `undefined`: from those. A mirror asked for wins.
 */
export function chooseSubstitute(
  spec: Pick<ImageBuildSpec, 'distribution' | 'suite' | 'mirror'>,
  file: AptSourcesFile | undefined,
): readonly string[] | undefined {
  if (file === undefined || spec.mirror !== undefined) return undefined
  const lines = file.content
    .split('\n')
    .filter((text) => parseOneLine(text).some((source) => belongs(spec, source)))
  return lines.some((text) => parseOneLine(text).some((source) => source.suite === spec.suite))
    ? lines
    : undefined
}

const components = { debian: 'main', ubuntu: 'main universe' } as const

const line = (spec: Pick<ImageBuildSpec, 'distribution'>, uri: string, suite: string): string =>
  `deb ${uri.replace(/\/$/, '')} ${suite} ${components[spec.distribution]}`

/** A mirror of Ubuntu has either the first architecture or the others, and those say so in their path. */
const hasArchitecture = (
  { distribution, architecture }: Pick<ImageBuildSpec, 'distribution' | 'architecture'>,
  { uri }: AptSource,
): boolean => distribution !== 'ubuntu' || /ubuntu-ports/.test(uri) === (architecture !== 'amd64')

/** Third parties name their suites after the distribution's too; their key tells them apart. */
function belongs(spec: Pick<ImageBuildSpec, 'distribution' | 'suite'>, source: AptSource): boolean {
  const suites = ['', '-updates', '-security'].map((suffix) => `${spec.suite}${suffix}`)
  const isDistributionKey = source.signedBy?.includes(`${spec.distribution}-archive-keyring`) ?? true
  return suites.includes(source.suite) && source.components.includes('main') && isDistributionKey
}

/** Both formats of sources.list(5); lines that are not of type `deb` say nothing about binary packages. */
function parseSources(file: AptSourcesFile): readonly AptSource[] {
  return file.name.endsWith('.sources') ? parseDeb822(file.content) : parseOneLine(file.content)
}

function parseOneLine(content: string): readonly AptSource[] {
  return content.split('\n').flatMap((text) => {
    const match = /^\s*deb\s+(?:\[(?<options>[^\]]*)\]\s+)?(?<uri>\S+)\s+(?<suite>\S+)\s+(?<rest>[^#]*)/.exec(
      text,
    )
    if (match?.groups === undefined) return []
    const { options = '', uri = '', suite = '', rest = '' } = match.groups
    return [{ uri, suite, components: words(rest), signedBy: /signed-by=(\S+)/.exec(options)?.[1] }]
  })
}

function parseDeb822(content: string): readonly AptSource[] {
  const stanzas = content.replace(/^#.*\n?/gm, '').split(/\n\s*\n/)
  return stanzas.flatMap((stanza) => {
    const field = (name: string): readonly string[] =>
      words(new RegExp(`^${name}:(.*(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1] ?? '')
    if (!field('Types').includes('deb') || field('Enabled')[0] === 'no') return []
    return field('URIs').flatMap((uri) =>
      field('Suites').map((suite) => ({
        uri,
        suite,
        components: field('Components'),
        signedBy: field('Signed-By')[0],
      })),
    )
  })
}

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '')
