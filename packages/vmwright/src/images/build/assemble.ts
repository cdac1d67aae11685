import { chmod, open, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Progress } from '../../lib/progress.ts'
import { encodePartitionTable, type Partition, sectorBytes } from './gpt.ts'
import { placeBiosBoot } from './grub.ts'
import { platforms } from './platform.ts'
import type { BuildRecipe } from './recipe.ts'
import { type Tools, withHeartbeat } from './tools.ts'

export interface AssembleInput {
  /** The finished system, as a folder. */
  readonly tree: string
  /** What goes into `/EFI` of the EFI system partition. */
  readonly espFolder: string
  /** Where the raw disk is written. */
  readonly disk: string
  /** Seconds; every date that is not a package's own. */
  readonly epoch: number
}

/**
 * Makes a raw disk of a folder, without loop devices, mounts or privileges over the machine: each file system is
 * made inside the sparse file at its partition's offset. The same folder gives the same bytes.
 */
export async function assembleDisk(
  progress: Progress,
  tools: Tools,
  recipe: BuildRecipe,
  input: AssembleInput,
): Promise<void> {
  const partition = (number: number): Partition => {
    const found = recipe.table.partitions.find((one) => one.number === number)
    if (found === undefined) throw new Error(`the recipe has no partition ${number}`)
    return found
  }
  await writeFile(input.disk, '')
  await chmod(input.disk, 0o666)
  await truncate(input.disk, recipe.table.diskSectors * sectorBytes)
  await withHeartbeat(progress, 'writing the root file system', () =>
    makeRoot(tools, recipe, input, partition(1)),
  )
  await makeEsp(tools, recipe, input, partition(15))
  await writeTable(recipe, input)
  if (platforms[recipe.spec.architecture].hasBios) await writeBoot(input, partition(14))
}

/**
 * Features are listed, not taken from the build machine's mke2fs.conf: newer defaults are unknown to the kernels
 * and the GRUB of older suites.
 */
const rootFeatures =
  'none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,metadata_csum,sparse_super,large_file,huge_file,dir_nlink,extra_isize'

async function makeRoot(
  tools: Tools,
  recipe: BuildRecipe,
  input: AssembleInput,
  place: Partition,
): Promise<void> {
  const offset = place.firstSector * sectorBytes
  const blocks = Math.floor(((place.lastSector - place.firstSector + 1) * sectorBytes) / 4096)
  const env = { E2FSPROGS_FAKE_TIME: String(input.epoch), MKE2FS_CONFIG: '/dev/null' }
  const extended = `offset=${offset},hash_seed=${recipe.ids.rootHashSeed},lazy_itable_init=0,lazy_journal_init=0`
  const geometry = ['-b', '4096', '-I', '256', '-i', '16384', '-m', '1', '-J', 'size=16']
  const format = ['-q', '-F', '-t', 'ext4', '-O', rootFeatures, ...geometry, '-L', 'root']
  const identity = ['-U', recipe.ids.root, '-E', extended]
  await tools.runAsRoot('mke2fs', [...format, ...identity, '-d', input.tree, input.disk, String(blocks)], env)
  await levelDates(tools, `${input.disk}?offset=${offset}`, input.epoch, env)
}

/**
 * `mke2fs -d` copies the times of access and change, which are those of this build. Sets them in every inode that
 * is in use; inodes are handed out in order, so those are the first.
 */
async function levelDates(
  tools: Tools,
  device: string,
  epoch: number,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const { stdout } = await tools.run('debugfs', ['-R', 'stats -h', device], { env })
  const count = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(stdout)?.[1])
  const used = count('Inode count') - count('Free inodes')
  const commands: string[] = []
  for (let inode = 11; inode <= used; inode++) {
    for (const field of ['atime', 'ctime']) commands.push(`sif <${inode}> ${field} @${epoch}`)
  }
  await tools.run('debugfs', ['-w', '-f', '-', device], { env, input: `${commands.join('\n')}\n` })
}

/** A FAT file system of the same bytes each time: fixed serial number, and files with the dates of the folder. */
async function makeEsp(
  tools: Tools,
  recipe: BuildRecipe,
  input: AssembleInput,
  place: Partition,
): Promise<void> {
  const blocks = ((place.lastSector - place.firstSector + 1) * sectorBytes) / 1024
  const serial = recipe.ids.esp.replace('-', '')
  const env = { SOURCE_DATE_EPOCH: String(input.epoch), MTOOLS_SKIP_CHECK: '1', TZ: 'UTC' }
  const format = ['--invariant', '-F', '16', '-n', 'ESP', '-i', serial]
  const target = ['--offset', String(place.firstSector), input.disk, String(blocks)]
  await tools.run('mkfs.vfat', [...format, ...target], { env })
  const image = `${input.disk}@@${place.firstSector * sectorBytes}`
  await tools.run('mcopy', ['-i', image, '-s', '-m', '-Q', input.espFolder, '::/EFI'], { env })
}

async function writeTable(recipe: BuildRecipe, input: AssembleInput): Promise<void> {
  await using disk = await open(input.disk, 'r+')
  for (const chunk of encodePartitionTable(recipe.table)) {
    await disk.write(chunk.bytes, 0, chunk.bytes.length, chunk.sector * sectorBytes)
  }
}

async function writeBoot(input: AssembleInput, place: Partition): Promise<void> {
  const folder = join(input.tree, 'boot/grub/i386-pc')
  const [bootImage, coreImage] = await Promise.all([
    readFile(join(folder, 'boot.img')),
    readFile(join(folder, 'core.img')),
  ])
  const boot = placeBiosBoot(bootImage, coreImage, place.firstSector)
  await using disk = await open(input.disk, 'r+')
  await disk.write(boot.mbrCode, 0, boot.mbrCode.length, 0)
  await disk.write(boot.core, 0, boot.core.length, place.firstSector * sectorBytes)
}
