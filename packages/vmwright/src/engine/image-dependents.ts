import type { ObservedHost, ObservedVolume } from '../hypervisor/contract.ts'
import type { Dependent } from '../images/dependents.ts'
import { isProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import type { ResolvedSpec } from '../spec/resolved.ts'
import type { SessionServices } from './session.ts'

/**
 * Who rests on an image on any host of the spec: machines of this and other projects, foreign ones, and disks that
 * no machine has. Throws when a host cannot be asked, because then nobody knows.
 */
export async function findImageDependents(
  progress: Progress,
  spec: ResolvedSpec,
  services: Pick<SessionServices, 'openHost'>,
): Promise<readonly Dependent[]> {
  const found = await Promise.all(
    spec.hosts.map(async (each) => {
      const host = await services.openHost(progress, each).catch((error: unknown) => {
        // Whatever is there was not made by this version.
        if (isProvisionError(error, 'host.no-driver')) return undefined
        throw error
      })
      if (host === undefined) return []
      try {
        return imageDependentsOn(await host.observe(progress))
      } finally {
        await host.close()
      }
    }),
  )
  return found.flat()
}

/** Pure. Follows each disk through its backing files, so that snapshots on top of a disk do not hide its image. */
export function imageDependentsOn({ host, pools, vms }: ObservedHost): readonly Dependent[] {
  const volumes = new Map(
    pools.flatMap((pool) => pool.volumes.map((volume) => [volume.path, volume] as const)),
  )
  const reached = new Set<string>()
  const ofMachines = vms.flatMap((vm) => {
    const chains = vm.disks.map((disk) => backingChain(volumes, disk.path))
    for (const disk of vm.disks) if (disk.path !== undefined) reached.add(disk.path)
    for (const path of chains.flat()) reached.add(path)
    // Somebody's own machine, such as a template, may have a file of the cache as its disk.
    const own = vm.mark === undefined ? vm.disks.flatMap(({ path }) => path ?? []) : []
    const paths = [...new Set([...own, ...chains.flat()])]
    const image = vm.mark?.image
    const digest = image?.kind === 'image' ? image.digest : undefined
    // A disk in a pool that is not active cannot be followed: its machine's mark still speaks for the image.
    if (paths.length === 0) return digest === undefined ? [] : [dependent(vm.name, host, undefined, digest)]
    return paths.map((path) => dependent(vm.name, host, path, digest))
  })
  const ofNobody = [...volumes.values()].flatMap((volume) =>
    volume.backingPath === undefined || reached.has(volume.path)
      ? []
      : [dependent(`disk ${volume.name}`, host, volume.backingPath, undefined)],
  )
  return [...ofMachines, ...ofNobody]
}

function backingChain(
  volumes: ReadonlyMap<string, ObservedVolume>,
  path: string | undefined,
): readonly string[] {
  const chain: string[] = []
  let next = volumes.get(path ?? '')?.backingPath
  while (next !== undefined && !chain.includes(next)) {
    chain.push(next)
    next = volumes.get(next)?.backingPath
  }
  return chain
}

const dependent = (
  instance: string,
  host: string,
  backingPath: string | undefined,
  digest: string | undefined,
): Dependent => ({ instance, host, backingPath, digest })
