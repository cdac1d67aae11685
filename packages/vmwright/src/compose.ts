import { access, constants } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { SessionServices } from './engine/session.ts'
import { ensureOwnKey } from './guest/own-key.ts'
import type { Hypervisor } from './hypervisor/contract.ts'
import type { HostSystem } from './hypervisor/host/system.ts'
import { openLibvirtHost } from './hypervisor/libvirt/host.ts'
import { hostSystem } from './hypervisor/libvirt/system/system.ts'
import { buildFromPackages } from './images/from-packages.ts'
import { ensureImage, type ImageContext } from './images/ensure.ts'
import { openLockFile, type LockFile } from './images/lockfile.ts'
import { peekImage } from './images/peek.ts'
import { type Directories, directoriesOf } from './lib/directories.ts'
import { ProvisionError } from './lib/errors.ts'
import type { Progress } from './lib/progress.ts'
import { readSecret } from './lib/read-secret.ts'
import { isHyperv } from './spec/hosts.ts'
import type { HostSpec, ResolvedSpec } from './spec/resolved.ts'
import { openTemplateRecords } from './templates/records.ts'

/** The process's surroundings, as far as composition needs them. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly homeDirectory: string
}

/** Plugs the real drivers, image cache, key pair and secrets together. The only file that knows them all. */
export function composeServices(spec: ResolvedSpec, surroundings: Surroundings): SessionServices {
  const { environment, homeDirectory } = surroundings
  const directories = directoriesOf(environment, homeDirectory)
  const imageContext = imageContexts(spec, surroundings)
  return {
    openHost,
    async ensureImage(progress, host, image, refresh) {
      const context = await imageContext(host, refresh === 'force' ? { force: true } : {})
      if (refresh !== 'cached-only') return ensureImage(progress, image, context)
      const cached = await peekImage(progress, image, context)
      if (cached !== undefined) return cached
      throw new ProvisionError('image.not-cached', {
        message: `The image ${image.id} is not in the cache of ${host.name}.`,
      })
    },
    peekImage: async (progress, host, image) => peekImage(progress, image, await imageContext(host)),
    readSecret: (ref) => readSecret(ref, environment),
    ownKey: (progress) => ensureOwnKey(progress, directories.data),
    templates: openTemplateRecords(directories.state),
  }
}

/** The driver for a host's kind, connected. Throws `host.no-driver`, and what the driver throws. */
export async function openHost(progress: Progress, host: HostSpec): Promise<Hypervisor> {
  requireDriver(host)
  return openLibvirtHost(progress, host)
}

/** The machine below a host, which needs no hypervisor that answers. Throws `host.no-driver`. */
export function openSystem(host: HostSpec): HostSystem {
  requireDriver(host)
  return hostSystem(host)
}

function requireDriver(host: HostSpec): void {
  if (!isHyperv(host)) return
  throw new ProvisionError('host.no-driver', {
    message: `The host ${host.name} (${host.uri}) is a Hyper-V host, for which this version has no driver.`,
    details: { host: host.name, uri: host.uri },
  })
}

/** How images are fetched for a host: its cache folder, the policy of the spec, one lock file for all. */
export function imageContexts(
  spec: ResolvedSpec,
  { environment, homeDirectory }: Surroundings,
): (host: HostSpec, changes?: Partial<ImageContext>) => Promise<ImageContext> {
  const directories = directoriesOf(environment, homeDirectory)
  let lock: Promise<LockFile> | undefined
  return async (host, changes = {}) => ({
    cacheDir: await imageCacheDirectory(host, directories),
    policy: spec.imagePolicy,
    force: false,
    lock: await (lock ??= openLockFile(join(dirname(spec.file), 'vmwright.lock.json'))),
    build: buildFromPackages,
    ...changes,
  })
}

/**
 * Where images for a host are cached on this machine. On the host itself that is the folder its guests use, so
 * that nothing is copied; for a remote host, or without the right to write there, it is a folder of one's own, and
 * the image is uploaded.
 */
export async function imageCacheDirectory(host: HostSpec, directories: Directories): Promise<string> {
  const isLocal = new URL(host.uri).host === ''
  return isLocal && (await isWritable(host.imageCachePath))
    ? host.imageCachePath
    : join(directories.cache, 'images')
}

/** The folder, or the nearest one above it that exists, can be written to. */
async function isWritable(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK)
    return true
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return isMissing && dirname(path) !== path && isWritable(dirname(path))
  }
}
