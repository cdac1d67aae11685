import { readFile } from 'node:fs/promises'
import { ProvisionError } from '../../lib/errors.ts'
import { debianArchitecture, platforms } from './platform.ts'
import type { ImageBuildSpec } from './recipe.ts'

/** Where the kernel tells of the programs that it can start of other architectures (binfmt_misc). */
const registry = '/proc/sys/fs/binfmt_misc'

/**
 * Looks whether programs of the architecture can be started here, which the build does by the thousand. Throws
 * `image.build-failed`.
 */
export async function requireExecutable(
  architecture: ImageBuildSpec['architecture'],
  { own = process.arch, folder = registry }: { readonly own?: string; readonly folder?: string } = {},
): Promise<void> {
  if (architecture === debianArchitecture(undefined, own)) return
  const { machine } = platforms[architecture]
  const entry = await readFile(`${folder}/qemu-${machine}`, 'utf8').catch(() => '')
  if (entry.startsWith('enabled')) return
  throw new ProvisionError('image.build-failed', {
    message: `An image for ${machine} cannot be built here: this machine starts no programs of ${machine}.`,
    hint: `Install qemu-user-static and binfmt-support (Debian: apt-get install qemu-user-static binfmt-support), and see that ${folder} is mounted.`,
    details: { architecture: machine, missing: `${folder}/qemu-${machine}` },
  })
}
