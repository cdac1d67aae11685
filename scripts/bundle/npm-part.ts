import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { say, watched } from './watched.ts'

export interface BundledTarball {
  readonly name: string
  readonly version: string
  /** As package-lock.json has it. */
  readonly integrity: string
  readonly sizeBytes: number
  readonly file: string
}

interface LockEntry {
  readonly name?: string
  readonly version?: string
  readonly integrity?: string
  readonly link?: true
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
}

/** Packages per call of npm. */
const batchSize = 40

/**
 * The tarballs of all packages in package-lock.json that fit this platform, checked by its digests, and of the
 * program `node`, which the package of that name installs by version when it is installed itself. `index.json`
 * lists them for `registry.mjs`.
 */
export async function addTarballs(part: {
  readonly root: string
  readonly work: string
  readonly folder: string
}): Promise<readonly BundledTarball[]> {
  const wanted = wantedPackages(await readFile(join(part.root, 'package-lock.json'), 'utf8'))
  const store = join(part.work, 'npm')
  await mkdir(store, { recursive: true })
  await mkdir(part.folder, { recursive: true })
  const missing: Wanted[] = []
  for (const one of wanted) if (!(await isThere(join(store, fileOf(one)), one.integrity))) missing.push(one)
  for (let at = 0; at < missing.length; at += batchSize) {
    say(
      `Fetching Node packages ${at + 1} to ${Math.min(at + batchSize, missing.length)} of ${missing.length}`,
    )
    await fetchBatch(store, missing.slice(at, at + batchSize))
  }
  const list: BundledTarball[] = []
  for (const one of wanted) list.push(await addTarball(store, part.folder, one))
  await writeFile(join(part.folder, 'index.json'), `${JSON.stringify(list, undefined, 2)}\n`)
  return list
}

interface Wanted {
  readonly name: string
  readonly version: string
  /** `undefined`: not in the lock file. */
  readonly integrity: string | undefined
}

function wantedPackages(lock: string): readonly Wanted[] {
  const { packages } = JSON.parse(lock) as { readonly packages: Readonly<Record<string, LockEntry>> }
  const wanted = new Map<string, Wanted>()
  for (const [path, entry] of Object.entries(packages)) {
    const at = path.lastIndexOf('node_modules/')
    if (at < 0 || entry.link || entry.version === undefined || !fits(entry)) continue
    const name = entry.name ?? path.slice(at + 'node_modules/'.length)
    wanted.set(`${name}@${entry.version}`, { name, version: entry.version, integrity: entry.integrity })
    if (name !== 'node') continue
    const binary = `node-${process.platform}-${process.arch}`
    wanted.set(binary, { name: binary, version: entry.version, integrity: undefined })
  }
  return [...wanted.values()].toSorted((a, b) => (fileOf(a) < fileOf(b) ? -1 : 1))
}

const fits = ({ os, cpu, libc }: LockEntry): boolean =>
  (os === undefined || os.includes(process.platform)) &&
  (cpu === undefined || cpu.includes(process.arch)) &&
  (libc === undefined || libc.includes('glibc'))

/** As `npm pack` names them. */
const fileOf = ({ name, version }: Pick<Wanted, 'name' | 'version'>): string =>
  `${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`

async function isThere(path: string, integrity: string | undefined): Promise<boolean> {
  const content = await readFile(path).catch(() => undefined)
  return content !== undefined && (integrity === undefined || integrityOf(content) === integrity)
}

const integrityOf = (content: Uint8Array): string =>
  `sha512-${createHash('sha512').update(content).digest('base64')}`

/** A tarball has its name in the store only when it is complete. */
async function fetchBatch(store: string, batch: readonly Wanted[]): Promise<void> {
  const partial = join(store, 'partial')
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial)
  const specs = batch.map(({ name, version }) => `${name}@${version}`)
  await watched(
    'fetching Node packages',
    'npm',
    ['pack', '--prefer-offline', '--loglevel=error', '--pack-destination', partial, ...specs],
    {
      cwd: partial,
    },
  )
  for (const one of batch) await rename(join(partial, fileOf(one)), join(store, fileOf(one)))
  await rm(partial, { recursive: true })
}

async function addTarball(store: string, folder: string, one: Wanted): Promise<BundledTarball> {
  const file = fileOf(one)
  const content = await readFile(join(store, file))
  const integrity = integrityOf(content)
  if (one.integrity !== undefined && one.integrity !== integrity)
    throw new Error(`${one.name}@${one.version} does not have the digest that package-lock.json gives`)
  await writeFile(join(folder, file), content)
  const { size } = await stat(join(folder, file))
  return { name: one.name, version: one.version, integrity, sizeBytes: size, file }
}
