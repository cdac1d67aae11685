import { expect, it } from 'vitest'
import { type Filesystem, findSource, parseFstab, parseTags } from './filesystems.ts'

const filesystems: readonly Filesystem[] = [
  {
    device: '/dev/sda1',
    tags: parseTags([
      'TYPE: ext4',
      'UUID: 6cc3bf1a-ebb2',
      'LABEL: root fs',
      'PART_ENTRY_UUID: EB74E755',
      'PART_ENTRY_NAME: os',
    ]),
  },
  { device: '/dev/my-vg/root-1', tags: { TYPE: 'xfs' } },
  { device: '/dev/sdb1', tags: { TYPE: 'btrfs', UUID: 'B7', LABEL: 'data' } },
  { device: '/dev/sdc', tags: { TYPE: 'ext4' } },
]

it.each([
  ['UUID=6CC3BF1A-ebb2', 'defaults', '/dev/sda1'],
  ['UUID="6cc3bf1a-ebb2"', 'defaults', '/dev/sda1'],
  ['LABEL=root\\040fs', 'defaults', '/dev/sda1'],
  ['PARTUUID=eb74e755', 'defaults', '/dev/sda1'],
  ['PARTLABEL=os', 'defaults', '/dev/sda1'],
  ['/dev/disk/by-uuid/6cc3bf1a-ebb2', 'defaults', '/dev/sda1'],
  ['/dev/vda1', 'defaults', '/dev/sda1'],
  ['/dev/sdc', 'defaults', '/dev/sdc'],
  ['/dev/mapper/my--vg-root--1', 'defaults', '/dev/my-vg/root-1'],
  ['/dev/my-vg/root-1', 'defaults', '/dev/my-vg/root-1'],
  ['UUID=b7', 'rw,subvol=/@home/user', 'btrfsvol:/dev/sdb1/@home/user'],
  ['LABEL=data', 'subvol=@', 'btrfsvol:/dev/sdb1/@'],
  ['LABEL=data', 'subvol=/', '/dev/sdb1'],
  ['LABEL=data', 'defaults', '/dev/sdb1'],
  ['UUID=other', 'defaults', undefined],
  ['/dev/mapper/home_crypt', 'defaults', undefined],
  ['server:/export', 'defaults', undefined],
])('T5: %s with %s in fstab is %s on the disks', (source, options, expected) => {
  const [entry] = parseFstab([`${source}\t/x auto ${options} 0 1`])
  expect(entry && findSource(entry, filesystems)).toBe(expected)
})

it('T5: reads mount points of fstab, and nothing of comments and swap', () => {
  expect(
    parseFstab(['# /dev/sda1 / ext4', '', 'UUID=1 none swap sw 0 0', 'UUID=2 /srv/my\\040data/ auto']),
  ).toEqual([{ source: 'UUID=2', path: '/srv/my data', type: 'auto', options: ['defaults'] }])
})
