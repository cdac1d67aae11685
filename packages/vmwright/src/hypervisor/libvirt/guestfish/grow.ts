import type { Guestfish } from './conversation.ts'

export interface RootDevice {
  /** `/dev/sda1` */
  readonly device: string
  /** Of the file system, as blkid has it. */
  readonly type: string
}

/** What is not worth a new table of partitions. */
const leastBytes = 4 * 1024 * 1024
const sectorBytes = 512
/** The copy of a GPT at the end of its disk: 33 sectors. */
const tailSectors = 34

/**
 * Gives the partition of an unmounted root the room behind it, and a file system of the ext family too, which takes it
 * only unmounted. Does nothing where another partition follows, and none where the root is no partition (LVM, RAID).
 */
export async function growPartition(guestfish: Guestfish, { device, type }: RootDevice): Promise<void> {
  const partitions = await guestfish.ask('list-partitions')
  if (partitions.includes(device)) {
    const [disk = ''] = await guestfish.ask('part-to-dev', device)
    const [number = ''] = await guestfish.ask('part-to-partnum', device)
    const [size = '0'] = await guestfish.ask('blockdev-getsize64', disk)
    const ends = endsOf(await guestfish.ask('part-list', disk))
    const end = ends.get(number)
    const isLast = end !== undefined && Math.max(...ends.values()) === end
    if (!isLast || Number(size) - end < leastBytes) return
    const [table] = await guestfish.ask('part-get-parttype', disk)
    if (table === 'gpt') await guestfish.ask('part-expand-gpt', disk)
    await guestfish.ask('part-resize', disk, number, Number(size) / sectorBytes - tailSectors)
  }
  if (!type.startsWith('ext')) return
  await guestfish.ask('e2fsck', device, 'correct:true')
  await guestfish.ask('resize2fs', device)
}

/** For file systems that grow only while they are mounted, as the root. */
export async function growMounted(guestfish: Guestfish, { type }: RootDevice): Promise<void> {
  if (type === 'xfs') await guestfish.ask('xfs-growfs', '/')
  if (type === 'btrfs') await guestfish.ask('btrfs-filesystem-resize', '/')
}

/** Last byte of each partition, by its number, of what `part-list` prints. */
export function endsOf(lines: readonly string[]): ReadonlyMap<string, number> {
  const ends = new Map<string, number>()
  let number = ''
  for (const line of lines) {
    const [, name, value = ''] = /^\s*(part_num|part_end): (\d+)$/.exec(line) ?? []
    if (name === 'part_num') number = value
    if (name === 'part_end') ends.set(number, Number(value))
  }
  return ends
}
