import { calls } from '@vmwright/libvirt'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { formatBytes } from '../../lib/units.ts'
import type { VolumeRef } from '../contract.ts'
import { disksOf } from './disks.ts'
import type { Session } from './session.ts'
import { growVolume, sectorBytes, volumePath } from './volumes.ts'

export interface DiskGrowth {
  readonly vm: string
  readonly device: string
  readonly volume: VolumeRef
  readonly sizeBytes: number
}

/** `VIR_DOMAIN_BLOCK_RESIZE_BYTES` */
const sizeInBytes = 1

/**
 * Grows a disk through the running machine, or its file when the machine is off. Nothing to do when it has that
 * size. Throws `disk.shrink-refused` when it is larger.
 */
export async function growDisk(session: Session, progress: Progress, growth: DiskGrowth): Promise<void> {
  const capacityBytes = Math.ceil(growth.sizeBytes / sectorBytes) * sectorBytes
  const domain = await session.domain(progress, growth.vm)
  const purpose = {
    object: `${growth.vm}/${growth.device}`,
    doing: `grow disk ${growth.device} of machine ${growth.vm}`,
  }
  const { active } = await session.call(progress, calls.domainIsActive, { domain }, purpose)
  const disk = (await disksOf(session, progress, domain)).find(({ device }) => device === growth.device)
  const path = disk?.path ?? (await volumePath(session, progress, growth.volume))
  const { vol } = await session.call(progress, calls.storageVolLookupByPath, { path }, purpose)
  const { capacity } = active
    ? await session.call(progress, calls.domainGetBlockInfo, { domain, path: growth.device }, purpose)
    : await session.call(progress, calls.storageVolGetInfo, { vol }, purpose)
  if (capacity > BigInt(capacityBytes)) throw shrinkRefused(session, growth, Number(capacity))
  if (capacity === BigInt(capacityBytes)) return
  if (!active) return growVolume(session, progress, growth.volume, vol, capacityBytes)
  const args = { domain, disk: growth.device, size: BigInt(capacityBytes), flags: sizeInBytes }
  await session.call(progress, calls.domainBlockResize, args, purpose)
}

function shrinkRefused(session: Session, growth: DiskGrowth, sizeBytes: number): ProvisionError {
  const { vm, device, volume } = growth
  return new ProvisionError('disk.shrink-refused', {
    message: `Could not make disk ${device} of machine ${vm} on host ${session.host} smaller: it has ${formatBytes(sizeBytes)}, wanted are ${formatBytes(growth.sizeBytes)}.`,
    details: { vm, device, pool: volume.pool, volume: volume.name, sizeBytes, wantedBytes: growth.sizeBytes },
  })
}
