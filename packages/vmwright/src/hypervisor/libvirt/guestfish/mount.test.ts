import { expect, it } from 'vitest'
import type { FileChange } from '../../disks.ts'
import type { Guestfish } from './conversation.ts'
import { mountSystem } from './mount.ts'

const fstab = [
  'UUID=root / ext4 defaults 0 1',
  'UUID=boot /boot ext4 defaults 0 2',
  'UUID=efi /boot/efi vfat noauto,x-systemd.automount 0 0',
  'UUID=backup /backup ext4 noauto 0 0',
  'UUID=lost /srv ext4 OPTIONS 0 2',
]
const types: Readonly<Record<string, readonly string[]>> = {
  '/dev/sda1': ['TYPE: ext4', 'UUID: root'],
  '/dev/sda2': ['TYPE: ext4', 'UUID: boot'],
  '/dev/sda3': ['TYPE: vfat', 'UUID: efi'],
  '/dev/sda4': ['TYPE: ext4', 'UUID: backup'],
}

async function mounted(changes: readonly FileChange[], options = 'nofail') {
  const mounts: string[] = []
  let at = ''
  const ask: Guestfish['ask'] = async (command, ...words) => {
    const [first = '', second = ''] = words.map(String)
    if (command === 'mount') mounts.push(`${first} ${second}`)
    if (command === 'mount-ro') at = first
    switch (command) {
      case 'list-partitions':
        return Object.keys(types)
      case 'list-devices':
        return ['/dev/sda']
      case 'blkid':
        return types[first] ?? []
      case 'is-file':
        return [String(at === '/dev/sda1')]
      case 'cat':
        return fstab.map((line) => line.replace('OPTIONS', options))
      default:
        return []
    }
  }
  const result = await mountSystem({ ask, attempt: ask }, { changes })
  return { result, mounts }
}

const run: FileChange = { kind: 'run', command: 'true' }
const hostname: FileChange = { kind: 'write', path: '/etc/hostname', content: 'a', mode: 0o644 }

it('T5: files of an identity need no boot loader', async () => {
  expect(await mounted([hostname])).toEqual({ result: { kind: 'mounted' }, mounts: ['/dev/sda1 /'] })
})

it('K7: commands have the boot loader too, but nothing that is mounted by hand', async () => {
  expect((await mounted([hostname, run])).mounts).toEqual([
    '/dev/sda1 /',
    '/dev/sda2 /boot',
    '/dev/sda3 /boot/efi',
  ])
})

it('K7: commands need all that the guest would not boot without', async () => {
  expect((await mounted([run], 'defaults')).result).toEqual({
    kind: 'missing',
    path: '/srv',
    source: 'UUID=lost',
  })
  expect((await mounted([hostname], 'defaults')).result).toEqual({ kind: 'mounted' })
})
