/** A device with what blkid knows of it: `TYPE`, `UUID`, `LABEL`, `PART_ENTRY_UUID`, `PART_ENTRY_NAME`. */
export interface Filesystem {
  /** `/dev/sda1`, `/dev/vg/root` */
  readonly device: string
  readonly tags: Readonly<Record<string, string>>
}

export interface FstabEntry {
  readonly source: string
  readonly path: string
  readonly type: string
  readonly options: readonly string[]
}

/** Lines of `blkid`: `UUID: 6cc3bf1a-…`. */
export const parseTags = (lines: readonly string[]): Filesystem['tags'] =>
  Object.fromEntries(
    lines.flatMap((line) => {
      const end = line.indexOf(': ')
      return end < 0 ? [] : [[line.slice(0, end), line.slice(end + 2)]]
    }),
  )

/** libguestfs's name for a subvolume of btrfs; without one, what the device mounts by itself. */
export const mountableOf = (device: string, subvolume?: string): string =>
  subvolume === undefined ? device : `btrfsvol:${device}/${subvolume}`

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

/** What an entry of the guest's fstab mounts; `undefined`: nothing that is on its disks. */
export function findSource(
  { source, options }: FstabEntry,
  filesystems: readonly Filesystem[],
): string | undefined {
  const found = filesystems.find((filesystem) => isSource(source, filesystem))
  if (found?.tags['TYPE'] !== 'btrfs') return found?.device
  const subvolume = options.find((option) => option.startsWith('subvol='))?.replace(/^subvol=\/*/, '')
  return mountableOf(found.device, subvolume === '' ? undefined : subvolume)
}

function isSource(source: string, { device, tags }: Filesystem): boolean {
  const [, tag, value] = /^(UUID|LABEL|PARTUUID|PARTLABEL)="?([^"]*)"?$/.exec(source) ?? bySymlink(source)
  switch (tag?.toUpperCase()) {
    case 'UUID':
      return same(tags['UUID'], value)
    case 'LABEL':
      return tags['LABEL'] === value
    case 'PARTUUID':
      return same(tags['PART_ENTRY_UUID'], value)
    case 'PARTLABEL':
      return tags['PART_ENTRY_NAME'] === value
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
