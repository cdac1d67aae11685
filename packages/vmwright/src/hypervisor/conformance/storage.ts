import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sha256Hex } from '../../lib/hash.ts'
import { GiB, MiB } from '../../lib/units.ts'
import { emptyDisk, expectCode, type Suite } from './suite.ts'

export function describeStorage(suite: () => Suite): void {
  it('K3: a pool is made once and seen with its folder', async () => {
    const { host, progress, pool, poolPath, observePool } = suite()
    await host.ensurePool(progress, { name: pool, path: poolPath })
    expect(await observePool()).toMatchObject({ name: pool, path: poolPath, active: true })
  })

  it('an empty pool that was made goes with its definition, one with a volume stays', async () => {
    const { host, progress, poolPath, name } = suite()
    const other = { name: name('second'), path: `${poolPath}-second` }
    const isThere = async (): Promise<boolean> =>
      (await host.observe(progress)).pools.some((pool) => pool.name === other.name && pool.isOurs)
    await host.ensurePool(progress, other)
    const volume = { pool: other.name, name: name('kept.qcow2') }
    await host.createDisk(progress, emptyDisk(volume, GiB))
    await host.removePool(progress, other)
    expect(await isThere()).toBe(true)
    const volumesOf = async (pools?: ReadonlySet<string>) =>
      (await host.observe(progress, pools)).pools.find((each) => each.name === other.name)?.volumes.length
    expect([await volumesOf(), await volumesOf(new Set([other.name])), await volumesOf(new Set())]).toEqual([
      1, 1, 0,
    ])
    await host.deleteVolume(progress, volume)
    await host.removePool(progress, { ...other, path: `${other.path}-else` })
    expect(await isThere()).toBe(true)
    await host.removePool(progress, other)
    expect(await isThere()).toBe(false)
    await host.removePool(progress, other)
  })

  it("K3: a folder is one pool's, and a pool has one folder", async () => {
    const { host, progress, pool, poolPath, name } = suite()
    const other = { name: name('second'), path: poolPath }
    await expectCode(host.ensurePool(progress, other), 'pool.not-found', pool)
    await expectCode(
      host.ensurePool(progress, { name: pool, path: `${poolPath}-else` }),
      'pool.not-found',
      pool,
    )
  })

  it('a started network may be started again', async () => {
    const { host, progress } = suite()
    const active = (await host.observe(progress)).networks.find((network) => network.active)
    if (active !== undefined) await host.startNetwork(progress, active.name)
  })

  it('C13: a network that does not exist is an error with its name', async () => {
    const { host, progress, name } = suite()
    await expectCode(host.startNetwork(progress, name('none')), 'network.not-found', name('none'))
  })

  it('a placed image is seen under its name, and placing it again changes nothing', async () => {
    const { host, progress, volume, findVolume } = suite()
    const image = volume('image.raw')
    await withLocalImage(async (local) => {
      await host.placeImage(progress, { ...image, ...local, format: 'raw' })
      const placed = await findVolume(image)
      expect(placed).toMatchObject({ capacityBytes: local.sizeBytes, format: 'raw' })
      await host.placeImage(progress, { ...image, ...local, format: 'raw' })
      expect(await findVolume(image)).toEqual(placed)
    })
  })

  it('an overlay knows the path of its base and has its own size', async () => {
    const { host, progress, volume, findVolume } = suite()
    const [base, overlay] = [volume('base.qcow2'), volume('overlay.qcow2')]
    await host.createDisk(progress, emptyDisk(base, GiB))
    await host.createDisk(progress, {
      ...emptyDisk(overlay, 2 * GiB),
      base: { volume: base, format: 'qcow2', mode: 'overlay' },
    })
    expect(await findVolume(overlay)).toMatchObject({
      capacityBytes: 2 * GiB,
      format: 'qcow2',
      backingPath: (await findVolume(base))?.path,
    })
  })

  it('a copy does not depend on its base', async () => {
    const { host, progress, volume, findVolume } = suite()
    const [base, copy] = [volume('copied.qcow2'), volume('copy.qcow2')]
    await host.createDisk(progress, emptyDisk(base, GiB))
    await host.createDisk(progress, {
      ...emptyDisk(copy, 2 * GiB),
      base: { volume: base, format: 'qcow2', mode: 'copy' },
    })
    expect(await findVolume(copy)).toMatchObject({ capacityBytes: 2 * GiB, backingPath: undefined })
    await host.deleteVolume(progress, base)
    expect(await findVolume(copy)).toBeDefined()
  })

  it('`keep` leaves an existing disk, `replace` makes it anew', async () => {
    const { host, progress, volume, findVolume } = suite()
    const disk = volume('kept.qcow2')
    await host.createDisk(progress, emptyDisk(disk, GiB))
    const first = await findVolume(disk)
    await host.createDisk(progress, emptyDisk(disk, GiB))
    expect(await findVolume(disk)).toEqual(first)
    await host.createDisk(progress, { ...emptyDisk(disk, 2 * GiB), existing: 'replace' })
    expect(await findVolume(disk)).toMatchObject({ capacityBytes: 2 * GiB })
  })

  it('`replace` creates a disk that is not there', async () => {
    const { host, progress, volume, findVolume } = suite()
    const disk = volume('replaced.raw')
    await host.createDisk(progress, { ...emptyDisk(disk, GiB), format: 'raw', existing: 'replace' })
    expect(await findVolume(disk)).toMatchObject({ capacityBytes: GiB, format: 'raw' })
  })

  it('a volume is overwritten by shorter and by longer content', async () => {
    const { host, progress, volume, findVolume } = suite()
    const seed = volume('seed.iso')
    for (const sizeBytes of [256 * 1024, 64 * 1024, 64 * 1024, 512 * 1024]) {
      await host.writeVolume(progress, seed, new Uint8Array(sizeBytes).fill(sizeBytes / 1024))
      expect(await findVolume(seed)).toMatchObject({ capacityBytes: sizeBytes })
    }
  })

  it('deleting a volume removes it, and deleting an absent one is nothing', async () => {
    const { host, progress, volume, findVolume } = suite()
    const disk = volume('deleted.qcow2')
    await host.createDisk(progress, emptyDisk(disk, GiB))
    await host.deleteVolume(progress, disk)
    expect(await findVolume(disk)).toBeUndefined()
    await host.deleteVolume(progress, disk)
  })
}

/** A small file on this machine that passes for a raw image. */
async function withLocalImage(
  use: (local: { localPath: string; sha256: string; sizeBytes: number }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-conformance-'))
  try {
    const content = new Uint8Array(MiB).map((_, index) => index % 251)
    const localPath = join(folder, 'image.raw')
    await writeFile(localPath, content)
    await use({ localPath, sha256: sha256Hex(content), sizeBytes: content.byteLength })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
