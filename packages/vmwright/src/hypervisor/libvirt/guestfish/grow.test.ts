import { expect, it } from 'vitest'
import type { Guestfish } from './conversation.ts'
import { endsOf, growMounted, growPartition } from './grow.ts'

const GiB = 1024 ** 3
const mib = 1024 ** 2

/** As `part-list` prints it. */
const listed = (...ends: readonly (readonly [number: number, end: number])[]): readonly string[] =>
  ends.flatMap(([number, end], index) => [
    `[${index}] = {`,
    `  part_num: ${number}`,
    '  part_start: 1048576',
    `  part_end: ${end}`,
    `  part_size: ${end - 1048575}`,
    '}',
  ])

function disk(
  size: number,
  parts: readonly (readonly [number, number])[],
  table = 'gpt',
): { readonly guestfish: Guestfish; readonly heard: string[] } {
  const heard: string[] = []
  const answers: Readonly<Record<string, readonly string[]>> = {
    'list-partitions': parts.map(([number]) => `/dev/sda${number}`),
    'part-to-dev': ['/dev/sda'],
    'part-to-partnum': ['1'],
    'blockdev-getsize64': [String(size)],
    'part-list': listed(...parts),
    'part-get-parttype': [table],
  }
  const ask: Guestfish['ask'] = async (command, ...words) => {
    if (answers[command] === undefined) heard.push([command, ...words].join(' '))
    return answers[command] ?? []
  }
  return { guestfish: { ask, attempt: ask }, heard }
}

it('K7: a root partition takes the room behind it, and ext4 with it', async () => {
  const { guestfish, heard } = disk(6 * GiB, [
    [14, 4 * mib],
    [1, 2 * GiB],
  ])
  await growPartition(guestfish, { device: '/dev/sda1', type: 'ext4' })
  expect(heard).toEqual([
    'part-expand-gpt /dev/sda',
    `part-resize /dev/sda 1 ${(6 * GiB) / 512 - 34}`,
    'e2fsck /dev/sda1 correct:true',
    'resize2fs /dev/sda1',
  ])
})

it.each([
  [
    'another partition follows',
    [
      [1, 2 * GiB],
      [2, 3 * GiB],
    ] as const,
  ],
  ['it has the room already', [[1, 6 * GiB - 17_409]] as const],
])('K7: a root stays as large as it is where %s', async (_, parts) => {
  const { guestfish, heard } = disk(6 * GiB, parts)
  await growPartition(guestfish, { device: '/dev/sda1', type: 'ext4' })
  expect(heard).toEqual([])
})

it('K7: a disk with an MBR has no second table, and xfs and btrfs grow when they are mounted', async () => {
  const { guestfish, heard } = disk(6 * GiB, [[1, 2 * GiB]], 'msdos')
  await growPartition(guestfish, { device: '/dev/sda1', type: 'xfs' })
  await growMounted(guestfish, { device: '/dev/sda1', type: 'xfs' })
  await growMounted(guestfish, { device: '/dev/sda1', type: 'btrfs' })
  await growMounted(guestfish, { device: '/dev/sda1', type: 'ext4' })
  expect(heard).toEqual([
    `part-resize /dev/sda 1 ${(6 * GiB) / 512 - 34}`,
    'xfs-growfs /',
    'btrfs-filesystem-resize /',
  ])
})

it('K7: a file system on the bare disk grows without a partition', async () => {
  const bare = disk(6 * GiB, [])
  await growPartition(bare.guestfish, { device: '/dev/sda', type: 'ext4' })
  expect(bare.heard).toEqual(['e2fsck /dev/sda correct:true', 'resize2fs /dev/sda'])
})

it('reads the ends of partitions by their numbers', () => {
  expect([...endsOf(listed([14, 4_194_303], [1, 2_146_435_071]))]).toEqual([
    ['14', 4_194_303],
    ['1', 2_146_435_071],
  ])
})
