import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { assembleDisk } from '../../packages/vmwright/src/images/build/assemble.ts'
import { makeRecipe } from '../../packages/vmwright/src/images/build/recipe.ts'
import { makeTools } from '../../packages/vmwright/src/images/build/tools.ts'
import { runProgram } from '../../packages/vmwright/src/lib/process.ts'
import { Progress } from '../../packages/vmwright/src/lib/progress.ts'
import { realSeam } from '../../packages/vmwright/src/lib/seam.ts'

/** From a folder to a disk, with the real programs: all of the build but the packages, which take a minute. */
const recipe = makeRecipe(
  {
    distribution: 'debian',
    suite: 'bookworm',
    architecture: 'amd64',
    mirror: undefined,
    extraPackages: [],
    sizeMib: 1024,
  },
  ['deb http://deb.debian.org/debian bookworm main'],
)
const epoch = 1_700_000_000
const progress = new Progress(realSeam())
const tools = makeTools(progress, runProgram, true)
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-build-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A system small enough to read, with more files in one folder than one block of a directory holds. */
async function makeTree(name: string): Promise<{ readonly tree: string; readonly espFolder: string }> {
  const tree = join(folder, name, 'tree')
  const espFolder = join(folder, name, 'esp')
  const files: Record<string, string> = {
    'boot/grub/i386-pc/boot.img': 'b'.repeat(512),
    'boot/grub/i386-pc/core.img': 'c'.repeat(4096),
    '../esp/BOOT/BOOTX64.EFI': 'shim',
  }
  for (let index = 0; index < 300; index++) files[`usr/share/many/file-${index}`] = `content ${index}`
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true })
    await writeFile(join(tree, path), content)
  }
  await chmod(join(tree, 'usr'), 0o755)
  await tools.run('find', [join(folder, name), '-exec', 'touch', '-h', '-d', `@${epoch}`, '{}', '+'])
  return { tree, espFolder }
}

async function assemble(name: string): Promise<string> {
  const disk = join(folder, `${name}.raw`)
  await assembleDisk(progress, tools, recipe, { ...(await makeTree(name)), disk, epoch })
  return disk
}

it('X7: the same tree gives the same disk to the byte, at another time and in another folder', async () => {
  const first = await assemble('first')
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  const second = await assemble('second')
  const digest = async (path: string): Promise<string> =>
    createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
  expect(await digest(second)).toBe(await digest(first))
})

it('X7: independent programs find a clean root file system and a readable EFI system partition', async () => {
  const disk = await assemble('checked')
  const start = (number: number): number =>
    (recipe.table.partitions.find((one) => one.number === number)?.firstSector ?? 0) * 512
  await tools.run('e2fsck', ['-fn', `${disk}?offset=${start(1)}`])
  const { stdout } = await tools.run('debugfs', ['-R', 'ls -p /usr/share/many', `${disk}?offset=${start(1)}`])
  expect(stdout.match(/file-\d+/g)).toHaveLength(300)
  const listing = await tools.run('mdir', ['-b', '-i', `${disk}@@${start(15)}`, '::/EFI/BOOT'])
  expect(listing.stdout).toContain('BOOTX64.EFI')
})
