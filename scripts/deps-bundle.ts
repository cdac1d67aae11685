import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { aptSourcesOfMachine } from '../packages/vmwright/src/images/build/machine-apt.ts'
import { chooseAptSources } from '../packages/vmwright/src/images/build/apt-sources.ts'
import { makeRecipe } from '../packages/vmwright/src/images/build/recipe.ts'
import { formatBytes } from '../packages/vmwright/src/lib/units.ts'
import { addPackages } from './bundle/apt-part.ts'
import { addTarballs } from './bundle/npm-part.ts'
import { say, watched } from './bundle/watched.ts'

/**
 * `make deps-bundle`: one tar archive from which set-up, tests and the build of the quickstart's image work without
 * a network, on a machine of the same release and architecture. `docs/offline.md` tells how it is used.
 *
 *     vmwright-deps/RELEASE        what it is for: `debian bookworm amd64 main`
 *     vmwright-deps/SHA256SUMS     of every file below
 *     vmwright-deps/manifest.json  the packages, with version and digest
 *     vmwright-deps/apt/           a part of the distribution's archive: its own signed lists, and the packages needed
 *     vmwright-deps/npm/           the tarballs that package-lock.json names, and index.json
 *
 * Nothing in it has to be believed: APT checks the packages by the distribution's signature, npm the tarballs by
 * the digests in package-lock.json. The same packages give the same archive to the byte.
 */
const root = join(import.meta.dirname, '..')
const work = join(root, '.cache/deps-bundle')
const folder = join(work, 'vmwright-deps')
const release = readRelease(await readFile('/etc/os-release', 'utf8'))
const target = resolve(process.argv[2] || `vmwright-deps-${release.architecture}-${release.suite}.tar`)

const spec = {
  distribution: release.distribution,
  suite: release.suite,
  architecture: 'amd64',
  mirror: undefined,
  // The tests have a template whose network it configures.
  extraPackages: ['ifupdown'],
  sizeMib: 2048,
} as const
const sources = chooseAptSources(spec, await aptSourcesOfMachine())
const wanted = {
  // Make is what the rest is called by.
  setup: ['make', ...words(execFileSync(join(root, 'scripts/setup.sh'), ['packages'], { encoding: 'utf8' }))],
  image: makeRecipe(spec, sources).packages,
}

await rm(folder, { recursive: true, force: true })
await mkdir(folder, { recursive: true })
const packages = await addPackages({ work, folder: join(folder, 'apt'), sources, wanted })
const tarballs = await addTarballs({ root, work, folder: join(folder, 'npm') })
await describe()
await writeArchive()
await rm(folder, { recursive: true, force: true })

const { distribution, suite, architecture } = release
say(`${packages.list.length} packages of ${distribution} ${suite} (${architecture}): ${total(packages.list)}`)
say(`${tarballs.length} Node packages: ${total(tarballs)}`)
say(`${target}: ${formatBytes((await stat(target)).size)}`)

async function describe(): Promise<void> {
  const { distribution, suite, architecture, components } = release
  const manifest = { format: 1, ...release, wanted, packages: packages.list, npm: tarballs }
  await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  await writeFile(join(folder, 'RELEASE'), `${distribution} ${suite} ${architecture} ${components}\n`)
  const lines: string[] = []
  for (const file of await filesBelow(folder))
    if (file !== 'RELEASE') lines.push(`${await sha256Of(join(folder, file))}  ${file}\n`)
  await writeFile(join(folder, 'SHA256SUMS'), lines.join(''))
}

async function writeArchive(): Promise<void> {
  // What is read first comes first.
  const first = ['RELEASE', 'SHA256SUMS']
  const rest = (await filesBelow(folder)).filter((file) => !first.includes(file))
  const list = join(work, 'members')
  await writeFile(list, [...first, ...rest].map((file) => `vmwright-deps/${file}\n`).join(''))
  const options =
    '--create --format=gnu --owner=0 --group=0 --numeric-owner --mode=u=rw,go=r --verbatim-files-from'
  const where = [`--mtime=@${packages.epoch}`, `--file=${target}.partial`, `--directory=${work}`]
  await watched('writing the archive', 'tar', [...options.split(' '), ...where, `--files-from=${list}`])
  await rename(`${target}.partial`, target)
}

async function filesBelow(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)))
    .toSorted()
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

function total(list: readonly { readonly sizeBytes: number }[]): string {
  return formatBytes(list.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
}

function readRelease(text: string) {
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)`, 'm').exec(text)?.[1] ?? ''
  const distribution = field('ID')
  const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim()
  if ((distribution !== 'debian' && distribution !== 'ubuntu') || architecture !== 'amd64')
    throw new Error(`a bundle is made on Debian or Ubuntu for amd64, not on ${distribution} ${architecture}`)
  const components = distribution === 'ubuntu' ? 'main universe' : 'main'
  return { distribution, suite: field('VERSION_CODENAME'), architecture, components } as const
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}
