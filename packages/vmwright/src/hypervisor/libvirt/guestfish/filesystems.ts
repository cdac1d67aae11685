/** A file system on the disks, as libguestfs names and describes it. */
export interface Filesystem {
  /** What can be mounted: `/dev/sda1`, `/dev/vg/root`, `btrfsvol:/dev/sda2/@`. */
  readonly mountable: string
  /** `ext4`, `swap`, `crypto_LUKS`, `unknown`, … */
  readonly type: string
}

/** What blkid knows of a device: `UUID`, `LABEL`, `PART_ENTRY_UUID`, `PART_ENTRY_NAME`. */
export type DeviceTags = Readonly<Record<string, string>>

export interface FstabEntry {
  readonly source: string
  readonly path: string
  readonly type: string
  readonly options: readonly string[]
}

/** Lines of `list-filesystems`: `/dev/sda1: ext4`. */
export const parseFilesystems = (lines: readonly string[]): readonly Filesystem[] =>
  lines.flatMap((line) => {
    const end = line.lastIndexOf(': ')
    return end < 0 ? [] : [{ mountable: line.slice(0, end), type: line.slice(end + 2) }]
  })

/** Lines of `blkid`: `UUID: 6cc3bf1a-…`. */
export const parseTags = (lines: readonly string[]): DeviceTags =>
  Object.fromEntries(
    lines.flatMap((line) => {
      const end = line.indexOf(': ')
      return end < 0 ? [] : [[line.slice(0, end), line.slice(end + 2)]]
    }),
  )

/** May hold files of a Linux system. */
export const holdsFiles = ({ type }: Filesystem): boolean =>
  !['swap', 'unknown', 'crypto_LUKS', 'LVM2_member', 'linux_raid_member', 'vfat', 'ntfs', 'iso9660'].includes(
    type,
  )

/** `btrfsvol:/dev/sda2/@home` → `/dev/sda2` and `@home`. */
export function deviceOf(mountable: string): {
  readonly device: string
  readonly subvolume: string | undefined
} {
  const match = /^btrfsvol:(\/dev\/(?:md\/|mapper\/)?[^/]+(?:\/[^/]+)??)\/(.+)$/.exec(mountable)
  return { device: match?.[1] ?? mountable, subvolume: match?.[2] }
}

/** fstab(5); blanks in a field are written as `\040`. */
export function parseFstab(lines: readonly string[]): readonly FstabEntry[] {
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .flatMap((line) => {
      const [source, path, type = 'auto', options = 'defaults'] = line.split(/[ \t]+/).map(unescaped)
      if (source === undefined || path === undefined || !path.startsWith('/')) return []
      return [
        { source, path: path === '/' ? path : path.replace(/\/+$/, ''), type, options: options.split(',') },
      ]
    })
}

const unescaped = (field: string): string =>
  field.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))

/** The file system that an entry of the guest's fstab means; `undefined`: none of those on its disks. */
export function findSource(
  { source, options }: FstabEntry,
  filesystems: readonly Filesystem[],
  tags: ReadonlyMap<string, DeviceTags>,
): string | undefined {
  const wanted = options.find((option) => option.startsWith('subvol='))?.slice('subvol='.length)
  const subvolume = wanted?.replace(/^\/+/, '')
  const found = filesystems.filter(({ mountable }) => isSource(source, deviceOf(mountable).device, tags))
  const exact = found.find(({ mountable }) => deviceOf(mountable).subvolume === (subvolume || undefined))
  return (exact ?? (subvolume ? undefined : found[0]))?.mountable
}

function isSource(source: string, device: string, tags: ReadonlyMap<string, DeviceTags>): boolean {
  const known = tags.get(device) ?? {}
  const [, tag, value] = /^(UUID|LABEL|PARTUUID|PARTLABEL)="?([^"]*)"?$/.exec(source) ?? bySymlink(source)
  switch (tag?.toUpperCase()) {
    case 'UUID':
      return same(known['UUID'], value)
    case 'LABEL':
      return known['LABEL'] === value
    case 'PARTUUID':
      return same(known['PART_ENTRY_UUID'], value)
    case 'PARTLABEL':
      return known['PART_ENTRY_NAME'] === value
    default:
      return isDevice(source, device)
  }
}

const bySymlink = (source: string): readonly (string | undefined)[] =>
  /^\/dev\/disk\/by-(uuid|label|partuuid|partlabel)\/(.+)$/.exec(source) ?? []

const same = (left: string | undefined, right: string | undefined): boolean =>
  left !== undefined && left.toLowerCase() === right?.toLowerCase()

/**
 * The appliance has the disks as `sda`, `sdb`, … in their order, whatever the guest's bus calls them. Device mapper
 * joins group and volume by a hyphen, and doubles those within the names.
 */
function isDevice(source: string, device: string): boolean {
  const mapped = /^\/dev\/mapper\/((?:[^-]|--)+)-((?:[^-]|--)+)$/.exec(source)
  if (mapped !== null) {
    const [group = '', volume = ''] = mapped.slice(1).map((name) => name.replaceAll('--', '-'))
    return device === `/dev/${group}/${volume}`
  }
  return device === source.replace(/^\/dev\/(?:vd|xvd|hd)([a-z]+\d*)$/, '/dev/sd$1')
}
