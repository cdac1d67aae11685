import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/**
 * A Linux that boots in seconds where a whole Debian takes minutes: Debian's kernel, busybox and OpenSSH in memory. Its
 * start reads vmwright's seed in cloud-init's stead, for the name, the users and the keys; nothing else of the seed is
 * for it. Root logs in with a key. It is made by `small-linux/make.sh` once, and anew when that or a package changes.
 */
const folder = join(import.meta.dirname, 'small-linux')
const kept = join(process.env['VMWRIGHT_TEST_FOLDER'] ?? '/var/tmp', 'vmwright-small-linux')
const run = promisify(execFile)

export interface SmallLinuxOptions {
  /** Packages of Debian whose files it has besides, on a disk. Nothing of them is configured. */
  readonly packages: readonly string[]
  /** Of that disk, as truncate(1) takes it: `1G`. */
  readonly size: string
}

/** Why it cannot be made here; `undefined`: it can. */
export function whyNoSmallLinux(): string | undefined {
  if (process.getuid?.() !== 0) return 'the files of a small Linux belong to root'
  const programs = ['syslinux', 'mcopy', 'mkfs.vfat', 'sfdisk', 'mke2fs', 'cpio', 'modprobe', 'qemu-img']
  const missing = programs.find((program) => spawnSync('which', [program]).status !== 0)
  return missing === undefined ? undefined : `${missing} is missing, with which a small Linux is made`
}

/** What a spec says of the image. An instance of it is ready by `smallReady`, with 160 MiB of memory. */
export async function smallLinux(more?: SmallLinuxOptions): Promise<Readonly<Record<string, string>>> {
  const file = join(kept, `${await keyOf(more)}.qcow2`)
  const image = { file, firmware: 'bios', seedBus: 'virtio', user: 'root' }
  if (await isThere(file)) return image
  await mkdir(kept, { recursive: true })
  await removeUnused()
  const made = `${file}.${process.pid}`
  const args = more === undefined ? [] : [more.size, ...more.packages]
  await run('sh', [join(folder, 'make.sh'), made, ...args])
  await chmod(made, 0o644)
  await rename(made, file)
  return image
}

/** There is no cloud-init to wait for. */
export const smallReady = { rungs: ['started', 'address', 'port', 'ssh'] } as const

async function keyOf(more: SmallLinuxOptions | undefined): Promise<string> {
  const files = (await readdir(folder)).toSorted().map((name) => readFile(join(folder, name), 'utf8'))
  const versions = [
    '-W',
    '-f',
    '${Package} ${Version}\n',
    'busybox-static',
    'openssh-server',
    'linux-image-*',
  ]
  const { stdout = '' } = spawnSync('dpkg-query', [...versions, ...(more?.packages ?? [])], {
    encoding: 'utf8',
  })
  const inputs = JSON.stringify([await Promise.all(files), stdout, more])
  return createHash('sha256').update(inputs).digest('hex').slice(0, 16)
}

/** Notes that it is used in its time of access: by that of its change the program tells whether it is the same still. */
const isThere = (path: string): Promise<boolean> =>
  stat(path)
    .then(() => run('touch', ['-a', path]))
    .then(
      () => true,
      () => false,
    )

const unusedForMs = 36 * 3_600_000

/** Images of earlier keys, and what a making that was killed left. */
async function removeUnused(): Promise<void> {
  for (const name of await readdir(kept)) {
    const path = join(kept, name)
    // Another run may remove it at the same moment.
    const used = await stat(path).catch(() => undefined)
    if (used !== undefined && used.atimeMs < Date.now() - unusedForMs)
      await rm(path, { recursive: true, force: true })
  }
}
