import type { ExtraDiskSpec } from '../spec/resolved.ts'

/** Longest label that mkfs accepts. */
const labelLimit = { ext4: 16, xfs: 12 } as const

/**
 * C9. One GPT partition, one filesystem and one mount for each extra disk that has a mount; the others are left
 * alone. Nothing is overwritten: a disk with a partition table or filesystem of its own stays as it is, also when a
 * replaced instance gets its old disk back.
 */
export function diskSetup(disks: readonly ExtraDiskSpec[]): Readonly<Record<string, unknown>> {
  const mounted = disks.flatMap(({ device, mount }) =>
    mount === undefined ? [] : [{ device: `/dev/${device}`, mount }],
  )
  if (mounted.length === 0) return {}
  return {
    disk_setup: Object.fromEntries(
      mounted.map(({ device }) => [device, { table_type: 'gpt', layout: true, overwrite: false }]),
    ),
    fs_setup: mounted.map(({ device, mount }) => ({
      label: mount.label.slice(0, labelLimit[mount.filesystem]),
      filesystem: mount.filesystem,
      device: `${device}1`,
      partition: 'auto',
      overwrite: false,
    })),
    // Six strings as in fstab: no dump, checked after the root.
    mounts: mounted.map(({ device, mount }) => [
      `${device}1`,
      mount.path,
      mount.filesystem,
      mount.options,
      '0',
      '2',
    ]),
  }
}
