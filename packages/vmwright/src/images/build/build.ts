import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runProgram } from '../../lib/process.ts'
import type { Progress } from '../../lib/progress.ts'
import { buildingPath } from '../layout.ts'
import { assembleDisk } from './assemble.ts'
import { requireExecutable } from './foreign.ts'
import type { GuestFile } from './guest-files.ts'
import { aptOptionsOfMachine } from './machine-apt.ts'
import type { BuildRecipe } from './recipe.ts'
import { makeTools, type Tools, withHeartbeat } from './tools.ts'

export interface BuildOptions {
  /** Where the qcow2 image appears, complete, by rename. The manifest appears beside it as `<path>.json`. */
  readonly path: string
  /**
   * Lines of sources.list to take the packages from, in place of the recipe's sources: a copy of a part of those on
   * this machine. The image has the recipe's sources all the same.
   */
  readonly substitute?: readonly string[] | undefined
  /** Default: the real thing. */
  readonly run?: typeof runProgram
  /** Default: whether this process has user id 0. */
  readonly isRoot?: boolean
}

/** What was built, from what: the content of `<path>.json`. */
export interface ImageManifest {
  readonly inputsDigest: string
  readonly inputs: { readonly spec: BuildRecipe['spec']; readonly aptSources: readonly string[] }
  /** Name → version of each package in the image. */
  readonly packages: Readonly<Record<string, string>>
  readonly sha256: string
  readonly sizeBytes: number
  readonly virtualSizeBytes: number
  /** Seconds; the date of everything in the image that has none from its package. */
  readonly epoch: number
  /** Name → first line of `--version` of the programs whose versions can change the bytes. */
  readonly builtWith: Readonly<Record<string, string>>
}

/**
 * Builds the image, replacing one at `path` when it is complete. Needs mmdebstrap, mke2fs, debugfs, mkfs.vfat,
 * mcopy and qemu-img; root, or user namespaces with sub-ids. Works in `<path>.building`, which it clears first, so
 * that it may be repeated after a crash; two builds of one path at the same time are the caller's to prevent.
 * Throws `image.build-failed`, `process.not-found`.
 */
export async function buildImage(
  progress: Progress,
  recipe: BuildRecipe,
  options: BuildOptions,
): Promise<ImageManifest> {
  if (options.run === undefined) await requireExecutable(recipe.spec.architecture)
  const isRoot = options.isRoot ?? process.getuid?.() === 0
  const tools = makeTools(progress, options.run ?? runProgram, isRoot)
  const work = buildingPath(options.path)
  const partial = `${options.path}.partial`
  const tree = join(work, 'system/tree')
  const disk = join(work, 'disk.raw')
  const espFolder = join(work, 'system/esp')
  await removeTree(tools, work)
  try {
    await layOutHooks(recipe, work, options.substitute !== undefined)
    const aptSources = options.substitute ?? recipe.aptSources
    await installPackages(progress, tools, { ...recipe, aptSources }, { work, tree })
    const epoch = await finishTree(tools, recipe, tree, espFolder)
    await assembleDisk(progress, tools, recipe, { tree, espFolder, disk, epoch })
    await withHeartbeat(progress, 'writing the qcow2 image', () =>
      tools.run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', disk, partial]),
    )
    const manifest = await describeImage(tools, recipe, { tree, image: partial, epoch })
    await writeFile(`${options.path}.json`, `${JSON.stringify(manifest, undefined, 2)}\n`)
    await rename(partial, options.path)
    return manifest
  } finally {
    await removeTree(tools, work)
    await rm(partial, { force: true })
  }
}

/** Removes the work folder that a killed build left. Throws `process.not-found`. */
export const removeLeftBuild = (progress: Progress, work: string): Promise<void> =>
  removeTree(makeTools(progress, runProgram, process.getuid?.() === 0), work)

/** Without root's rights the tree belongs to sub-ids of the user, so only their namespace can remove it. */
async function removeTree(tools: Tools, work: string): Promise<void> {
  const system = join(work, 'system')
  const isThere = await stat(system).then(
    () => true,
    () => false,
  )
  if (isThere && !tools.isRoot) await tools.runAsRoot('rm', ['-rf', system])
  await rm(work, { recursive: true, force: true })
}

async function layOutHooks(recipe: BuildRecipe, work: string, isSubstituted: boolean): Promise<void> {
  await mkdir(join(work, 'hooks'), { recursive: true })
  await mkdir(join(work, 'system'))
  await writeFile(join(work, 'hooks/essential00'), recipe.hooks.essential, { mode: 0o755 })
  await writeFile(join(work, 'hooks/customize00'), recipe.hooks.customize, { mode: 0o755 })
  await writeGuestFiles(join(work, 'early'), recipe.earlyFiles)
  await writeGuestFiles(join(work, 'late'), recipe.lateFiles)
  if (isSubstituted) await writeGuestFiles(join(work, 'late'), [sourcesList(recipe)])
}

const sourcesList = ({ aptSources }: BuildRecipe): GuestFile => ({
  path: 'etc/apt/sources.list',
  content: `${aptSources.join('\n')}\n`,
  mode: 0o644,
})

async function writeGuestFiles(folder: string, files: readonly GuestFile[]): Promise<void> {
  for (const file of files) {
    const path = join(folder, file.path)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, file.content)
    await chmod(path, file.mode)
  }
}

/** Without recommends, manuals and translations: what a server image wants, in the time it takes to unpack. */
const leaveOut = [
  'force-unsafe-io',
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/locale/*',
  'path-exclude=/usr/share/man/*',
]

async function installPackages(
  progress: Progress,
  tools: Tools,
  recipe: BuildRecipe,
  folders: { readonly work: string; readonly tree: string },
): Promise<void> {
  const aptOptions = [...(await aptOptionsOfMachine(tools.run)), 'APT::Install-Recommends "false";']
  const args = [
    '--verbose',
    '--variant=minbase',
    '--format=directory',
    `--architectures=${recipe.spec.architecture}`,
    `--mode=${tools.isRoot ? 'root' : 'unshare'}`,
    ...aptOptions.map((option) => `--aptopt=${option}`),
    ...leaveOut.map((option) => `--dpkgopt=${option}`),
    `--hook-directory=${join(folders.work, 'hooks')}`,
    `--include=${recipe.packages.join(',')}`,
    recipe.spec.suite,
    folders.tree,
    ...recipe.aptSources,
  ]
  // The initramfs is made once, by the customize hook, instead of by each package that has a part in it.
  const env = { INITRD: 'No', DEBIAN_FRONTEND: 'noninteractive' }
  await withHeartbeat(progress, 'installing packages', (say) =>
    tools.run('mmdebstrap', args, {
      env,
      onLine: (text) => {
        const short = shorten(text)
        if (short !== undefined) say(short)
      },
    }),
  )
}

/** What APT and dpkg say, in three words; `undefined` for lines that tell a reader nothing. */
function shorten(text: string): string | undefined {
  const get = /^Get:\d+ \S+ \S+ \S+ (\S+)/.exec(text)
  if (get !== null) return `downloading ${get[1]}`
  const stage = /^I: (\S+ing [^-/]*?)\.*$/.exec(text)
  if (stage !== null) return stage[1]
  const step = /^(Unpacking|Setting up|making) (?:the )?(\S+?(?: \S*loader)?)(?::\S+)?(?: |$)/.exec(text)
  return step === null ? undefined : `${step[1]?.toLowerCase()} ${step[2]}`
}

/** Returns the epoch of the image, in seconds. */
async function finishTree(
  tools: Tools,
  recipe: BuildRecipe,
  tree: string,
  espFolder: string,
): Promise<number> {
  const { stdout } = await tools.runAsRoot('sh', ['-c', recipe.hooks.finish, 'finish', tree, espFolder])
  return Number(stdout.trim().split('\n').at(-1))
}

async function describeImage(
  tools: Tools,
  recipe: BuildRecipe,
  built: { readonly tree: string; readonly image: string; readonly epoch: number },
): Promise<ImageManifest> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(built.image)) hash.update(chunk as Buffer)
  const table = recipe.table
  return {
    inputsDigest: recipe.inputsDigest,
    inputs: { spec: recipe.spec, aptSources: recipe.aptSources },
    packages: installedPackages(await readFile(join(built.tree, 'var/lib/dpkg/status'), 'utf8')),
    sha256: hash.digest('hex'),
    sizeBytes: (await stat(built.image)).size,
    virtualSizeBytes: table.diskSectors * 512,
    epoch: built.epoch,
    builtWith: await versions(tools),
  }
}

function installedPackages(status: string): Readonly<Record<string, string>> {
  const field = (stanza: string, name: string): string =>
    new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1] ?? ''
  return Object.fromEntries(
    status
      .split('\n\n')
      .filter((stanza) => field(stanza, 'Status').endsWith(' installed'))
      .map((stanza) => [field(stanza, 'Package'), field(stanza, 'Version')] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
}

async function versions(tools: Tools): Promise<Readonly<Record<string, string>>> {
  const ask = async (program: string, option: string): Promise<readonly [string, string]> => {
    const { stdout, stderr } = await tools.run(program, [option])
    return [program, `${stdout}${stderr}`.split('\n')[0] ?? '']
  }
  return Object.fromEntries(
    await Promise.all([
      ask('mmdebstrap', '--version'),
      ask('mke2fs', '-V'),
      ask('mcopy', '--version'),
      ask('qemu-img', '--version'),
    ]),
  )
}
