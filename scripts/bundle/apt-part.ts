import { createHash } from 'node:crypto'
import { chmod, copyFile, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { say, watched } from './watched.ts'

export interface BundledPackage {
  readonly name: string
  readonly version: string
  readonly architecture: string
  readonly sha256: string
  readonly sizeBytes: number
  /** Below the folder, as the distribution's archive has it. */
  readonly file: string
}

interface AptPart {
  /** Kept between runs, so that only what is new is fetched. */
  readonly work: string
  readonly folder: string
  /** Lines of sources.list. */
  readonly sources: readonly string[]
  /** What machines and images are made of; each is completed as for a system that has nothing. */
  readonly wanted: Readonly<Record<string, readonly string[]>>
}

/**
 * Fills `folder` with a part of the distribution's archive: the signed lists as they are, and of the packages
 * those that are asked for, with all that they depend on. Works in a state of APT of its own: what is installed on
 * this machine plays no part, and nothing of it is changed. `epoch` is the date of the newest list, in seconds.
 */
export async function addPackages(
  part: AptPart,
): Promise<{ readonly list: readonly BundledPackage[]; readonly epoch: number }> {
  const apt = await privateApt(part)
  await watched('fetching the lists of packages', 'apt-get', ['update'], apt)
  const epoch = await addLists(part.folder, apt)
  /** Path in the archive → name in APT's cache. */
  const files = new Map<string, string>()
  for (const [what, names] of Object.entries(part.wanted)) {
    const bare = ['?essential', '?priority(required)', 'apt', ...names]
    const install = ['-y', '--no-install-recommends', 'install', ...bare]
    // With an empty cache, because what is in the cache has no URI.
    const options = ['--print-uris', '-o', `Dir::Cache::archives=${join(part.work, 'apt/none')}/`]
    const uris = await watched('resolving dependencies', 'apt-get', [...options, ...install], apt)
    const before = files.size
    for (const [, path = '', name = ''] of uris.matchAll(/^'[^']*?\/(pool\/[^']+)' (\S+)/gm))
      files.set(decodeURIComponent(path), name)
    say(`For ${what}: ${names.length} packages are asked for; ${files.size - before} are added with those`)
    await watched('fetching packages', 'apt-get', ['--download-only', ...install], apt)
  }
  const byPath = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const list: BundledPackage[] = []
  for (const [file, name] of byPath) list.push(await addPackage(part, file, name))
  return { list, epoch }
}

interface Apt {
  readonly env: { readonly APT_CONFIG: string }
}

/** Proxies and the like stay those of the machine. */
async function privateApt({ work, sources }: AptPart): Promise<Apt> {
  const base = join(work, 'apt')
  for (const name of ['lists/partial', 'archives/partial', 'none/partial'])
    await mkdir(join(base, name), { recursive: true })
  await writeFile(join(base, 'status'), '')
  // Nothing but the list of packages: no descriptions, no icons.
  const lines = sources.map((line) => line.replace(/^deb /, 'deb [target=Packages] '))
  await writeFile(join(base, 'sources.list'), `${lines.join('\n')}\n`)
  const settings = {
    'Dir::Etc::SourceList': join(base, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State': base,
    'Dir::State::Lists': join(base, 'lists'),
    'Dir::State::status': join(base, 'status'),
    'Dir::Cache': base,
    'APT::Sandbox::User': 'root',
  }
  const text = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`)
  await writeFile(join(base, 'apt.conf'), text.join(''))
  return { env: { APT_CONFIG: join(base, 'apt.conf') } }
}

/** The distribution's signed `InRelease` of each suite, and the compressed lists whose digests it has. */
async function addLists(folder: string, apt: Apt): Promise<number> {
  const format = '$(BASE_URI) $(METAKEY) $(RELEASE) $(FILENAME)'
  const targets = await watched(
    'reading the lists of packages',
    'apt-get',
    ['indextargets', '--format', format, 'Created-By: Packages'],
    apt,
  )
  let epoch = 0
  for (const line of targets.trim().split('\n')) {
    const [base = '', key = '', suite = '', list = ''] = line.split(' ')
    const dist = join(folder, 'dists', suite)
    await mkdir(dirname(join(dist, key)), { recursive: true })
    // APT names its lists after the URI: `…_dists_SUITE_InRelease`, `…_dists_SUITE_main_binary-amd64_Packages.lz4`.
    const signed = list.replace(new RegExp(`_${key.replaceAll('/', '_')}(\\.\\w+)?$`), '_InRelease')
    const release = await readFile(signed, 'utf8')
    await writeFile(join(dist, 'InRelease'), release)
    const digest = digestOf(release, `${key}.xz`)
    await fetchList(`${base}${key}.xz`, join(dist, `${key}.xz`), digest, apt)
    epoch = Math.max(epoch, Date.parse(/^Date: (.*)$/m.exec(release)?.[1] ?? '') / 1000)
  }
  return epoch
}

function digestOf(release: string, file: string): string {
  const section = /^SHA256:\n((?: .*\n)*)/m.exec(release)?.[1] ?? ''
  const line = section.split('\n').find((each) => each.endsWith(` ${file}`))
  if (line === undefined) throw new Error(`The archive's Release file has no digest of ${file}`)
  return line.trim().split(/\s+/)[0] ?? ''
}

async function fetchList(uri: string, path: string, sha256: string, apt: Apt): Promise<void> {
  const args = ['download-file', uri, path, `SHA256:${sha256}`]
  await watched('fetching the lists of packages', '/usr/lib/apt/apt-helper', args, apt)
  await chmod(path, 0o644)
}

/** APT has checked the file by the signed list when it was fetched. */
async function addPackage({ work, folder }: AptPart, file: string, name: string): Promise<BundledPackage> {
  const from = join(work, 'apt/archives', name)
  const path = join(folder, file)
  await mkdir(dirname(path), { recursive: true })
  await rm(path, { force: true })
  await link(from, path).catch(() => copyFile(from, path))
  const [, packageName = '', version = '', architecture = ''] = /^(.+)_(.+)_(.+)\.deb$/.exec(name) ?? []
  return {
    name: packageName,
    version: decodeURIComponent(version),
    architecture,
    sha256: createHash('sha256')
      .update(await readFile(path))
      .digest('hex'),
    sizeBytes: (await stat(path)).size,
    file,
  }
}
