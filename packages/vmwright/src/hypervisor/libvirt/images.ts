import { calls, type StorageVolume } from '@vmwright/libvirt'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Progress } from '../../lib/progress.ts'
import { KiB } from '../../lib/units.ts'
import type { ImagePlacement } from '../contract.ts'
import type { Session } from './session.ts'
import { volumeXml } from './volume-xml.ts'
import { deleteVolume, explainFull, findVolume, orDelete, refreshPool, upload } from './volumes.ts'

/**
 * The head of an image is sent last. Without it neither QEMU nor libvirt takes the file for an image, so a volume
 * with the right head is complete, and one without it is what an interrupted upload left.
 */
const headBytes = 64 * KiB

/**
 * Makes a verified local file a volume of the pool. A file that is already in the pool's folder only has to be
 * noticed by libvirt; any other is uploaded, unless it has been. Safe to repeat after any interruption. Throws
 * `pool.full`.
 */
export async function placeImage(
  session: Session,
  progress: Progress,
  image: ImagePlacement,
  hostIs: 'local' | 'remote',
): Promise<void> {
  const { path } = await session.pool(progress, image.pool)
  if (hostIs === 'local' && path !== undefined && image.localPath === `${path}/${image.name}`) {
    if ((await findVolume(session, progress, image)) === undefined)
      await refreshPool(session, progress, image.pool)
    return
  }
  const head = await readHead(image)
  const existing = await findVolume(session, progress, image)
  if (existing !== undefined && head.equals(await downloadHead(session, progress, existing, head.length)))
    return
  if (existing !== undefined) await deleteVolume(session, progress, image)
  await explainFull(session, progress, image, image.sizeBytes, () =>
    uploadImage(session, progress, image, head),
  )
}

async function uploadImage(
  session: Session,
  progress: Progress,
  image: ImagePlacement,
  head: Buffer,
): Promise<void> {
  const { pool } = await session.pool(progress, image.pool)
  // Raw whatever the format: the file must have exactly the bytes that follow, and libvirt recognises them later.
  const shape = { name: image.name, capacityBytes: image.sizeBytes, format: 'raw', mode: '0644' } as const
  const xml = volumeXml({ ...shape, allocate: 'all' })
  const purpose = {
    object: `${image.pool}/${image.name}`,
    doing: `create image volume ${image.name} in pool ${image.pool}`,
  }
  const { vol } = await session.call(progress, calls.storageVolCreateXml, { pool, xml }, purpose)
  const onProgress = (done: number): void =>
    progress.report({ what: `upload of ${image.name}`, done, total: image.sizeBytes, unit: 'bytes' })
  const send = (
    offset: number,
    length: number,
    source: AsyncIterable<Uint8Array> | Uint8Array,
  ): Promise<void> => upload(session, progress, { vol, offset, length, source, onProgress })
  const tailBytes = image.sizeBytes - head.length
  await orDelete(session, progress, image, async () => {
    if (tailBytes > 0) await send(head.length, tailBytes, readTail(image, head.length))
    await send(0, head.length, head)
  })
  await refreshPool(session, progress, image.pool)
}

const readTail = (image: ImagePlacement, start: number): AsyncIterable<Uint8Array> =>
  createReadStream(image.localPath, { start, highWaterMark: 256 * KiB })

async function readHead(image: ImagePlacement): Promise<Buffer> {
  await using file = await open(image.localPath)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0)
  return buffer.subarray(0, bytesRead)
}

function downloadHead(
  session: Session,
  progress: Progress,
  vol: StorageVolume,
  length: number,
): Promise<Buffer> {
  const purpose = { object: `${vol.pool}/${vol.name}`, doing: `read volume ${vol.name} in pool ${vol.pool}` }
  const args = { vol, offset: 0n, length: BigInt(length) }
  return session.effect(progress, calls.storageVolDownload.name, purpose, async () => {
    const pieces: Uint8Array[] = []
    for await (const piece of session.libvirt.download(
      calls.storageVolDownload,
      args,
      progress.callOptions(),
    ))
      pieces.push(piece)
    return Buffer.concat(pieces)
  })
}
