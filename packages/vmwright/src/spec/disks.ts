import type { Member } from './groups.ts'
import { normalisePath } from './path.ts'
import { toMib } from './quantity.ts'
import type { Layers, Report } from './report.ts'
import type { ExtraDiskSpec, InstanceSpec } from './resolved.ts'

const labelLimits = { ext4: 16, xfs: 12 } as const

export function resolveRootDisk({ settings, layers }: Member, report: Report): InstanceSpec['rootDisk'] {
  const { size = '10GiB', mode = 'overlay', format = 'qcow2', extension } = settings.rootDisk ?? {}
  checkSize(size, layers, report)
  if (mode === 'overlay' && format === 'raw') {
    report.within(
      layers,
      ['rootDisk', 'format'],
      'cannot be `raw` for an overlay',
      'Use `mode: copy` for a raw disk, or `format: qcow2`.',
    )
  }
  return { sizeMib: toMib(size), mode, format, extension: extension ?? format }
}

function checkSize(size: string, layers: Layers, report: Report): void {
  if (toMib(size) < 512)
    report.within(
      layers,
      ['rootDisk', 'size'],
      'is too small for a system',
      'Give it at least 512MiB; images are usually 2 to 3 GiB.',
    )
}

/** Of a clone: all but size and extension is as the template has it. */
export function resolveCloneDisk({ settings, layers }: Member, report: Report): InstanceSpec['rootDisk'] {
  const { size, extension } = settings.rootDisk ?? {}
  if (size !== undefined) checkSize(size, layers, report)
  return {
    sizeMib: size === undefined ? 0 : toMib(size),
    mode: 'copy',
    format: 'qcow2',
    extension: extension ?? 'qcow2',
  }
}

export function resolveExtraDisks(member: Member, report: Report): readonly ExtraDiskSpec[] {
  const { settings, layers, name } = member
  const devices = new Set<string>()
  const mounts = new Set<string>()
  return (settings.extraDisks ?? []).map((disk, index) => {
    const at = ['extraDisks', index]
    const device = disk.device ?? `vd${String.fromCodePoint(98 + index)}`
    if (devices.has(device)) {
      report.within(
        layers,
        [...at, ...(disk.device === undefined ? [] : ['device'])],
        `the device ${device} is used by another disk`,
        'Give each disk its own `device`, or leave all of them out.',
      )
    }
    devices.add(device)
    if (toMib(disk.size) < 1) report.within(layers, [...at, 'size'], 'is too small', 'Give it at least 1MiB.')
    const format = disk.format ?? 'qcow2'
    const { mount } = disk
    const spec = { device, sizeMib: toMib(disk.size), format, extension: disk.extension ?? format }
    if (mount === undefined) return { ...spec, mount: undefined }
    const path = normalisePath(mount.path)
    const refused = whyNoMount(mount.path, mount.allowVar ?? false)
    if (refused !== undefined) report.within(layers, [...at, 'mount', 'path'], ...refused)
    if (mounts.has(path))
      report.within(
        layers,
        [...at, 'mount', 'path'],
        `${path} is the mount point of another disk`,
        'Give each disk its own.',
      )
    mounts.add(path)
    const filesystem = mount.filesystem ?? 'ext4'
    const limit = labelLimits[filesystem]
    if ((mount.label?.length ?? 0) > limit)
      report.within(
        layers,
        [...at, 'mount', 'label'],
        `is longer than the ${limit} characters that ${filesystem} has for it`,
      )
    const label = mount.label ?? `${name.slice(0, limit - device.length - 1)}-${device}`
    return { ...spec, mount: { path, filesystem, options: mount.options ?? 'defaults,nofail', label } }
  })
}

function whyNoMount(path: string, allowVar: boolean): readonly [message: string, hint: string] | undefined {
  if (path.split('/').includes('..')) return ['has `..` in it', 'Write the path without it.']
  const plain = normalisePath(path)
  if (['/', '/boot', '/boot/efi'].includes(plain))
    return ['is a place the system itself needs', 'Mount the disk elsewhere, such as `/srv`.']
  if (plain === '/var' && !allowVar)
    return ['would hide what the image has in `/var`', 'Mount a folder below it, or set `allowVar: true`.']
  return undefined
}
