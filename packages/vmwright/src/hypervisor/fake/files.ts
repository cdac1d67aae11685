import { dirname } from 'node:path'
import { ProvisionError } from '../../lib/errors.ts'
import { sha256Hex } from '../../lib/hash.ts'
import type { AccessBlock, AccessReport, AccessRequest, HostFile, HostFiles } from '../host-files.ts'
import type { FakeContext } from './context.ts'
import * as daemon from './daemon.ts'
import { qcow2Head } from './qcow2-head.ts'
import type { FakeVolume, FakeWorld } from './world.ts'

/** Files of the imagined host. Each method is one command on a real one, so one effect. */
export function hostFiles(context: FakeContext): HostFiles {
  const { world } = context
  return {
    inspect: (progress, paths, { sha256 }) =>
      context.look(progress, 'inspectFiles', world.host, () => {
        requireShell(context)
        return paths.map((path) => inspect(world, path, sha256))
      }),
    protect: (progress, paths) =>
      context.change(progress, 'protectFiles', world.host, () => {
        requireShell(context)
        for (const disk of disksAt(world, paths)) {
          disk.unprotectedMode ??= modeOf(disk)
          disk.mode = modeOf(disk) & ~0o222
        }
      }),
    release: (progress, paths) =>
      context.change(progress, 'releaseFiles', world.host, () => {
        requireShell(context)
        for (const disk of disksAt(world, paths)) {
          if (disk.unprotectedMode !== undefined) disk.mode = disk.unprotectedMode
          delete disk.unprotectedMode
        }
      }),
    emptyWorkspace: (progress, path) =>
      context.change(progress, 'emptyWorkspace', path, () => {
        requireShell(context)
        const inside = Object.keys(world.files).filter((file) => dirname(file) === path)
        const left = inside.filter((file) => file.endsWith('.partial') && file.includes('/.vmwright-'))
        for (const file of left) delete world.files[file]
        if (left.length === inside.length) delete world.files[path]
      }),
    checkAccess: (progress, request) =>
      context.look(progress, 'checkAccess', world.host, () => {
        requireShell(context)
        return report(world, request)
      }),
    async repairAccess(progress, repairs) {
      await context.change(progress, 'repairAccess', world.host, () => {
        requireShell(context)
        world.access.repairs.push(...repairs)
      })
      return repairs.map((repair) => ({ ...repair, outcome: 'done' as const }))
    },
    grantedAccess: (progress) =>
      context.look(progress, 'grantedAccess', world.host, () => {
        requireShell(context)
        return structuredClone(world.access.repairs)
      }),
    undoAccess: async (progress) => {
      const undone = structuredClone(world.access.repairs)
      if (undone.length === 0) return []
      await context.change(progress, 'undoAccess', world.host, () => {
        requireShell(context)
        world.access.repairs = []
      })
      return undone.map((repair) => ({ ...repair, outcome: 'done' as const }))
    },
  }
}

export function requireShell({ world }: FakeContext): void {
  if (world.capabilities.noShell === undefined) return
  throw new ProvisionError('host.no-shell', {
    message: `No command can be run on ${world.host}: ${world.capabilities.noShell}.`,
  })
}

const modeOf = (disk: FakeVolume): number => disk.mode ?? 0o600

function disksAt(world: FakeWorld, paths: readonly string[]): readonly FakeVolume[] {
  return paths.map((path) => {
    const disk = daemon.diskAt(world, path)
    if (disk === undefined) throw daemon.refuse(`change the mode of ${path}: there is no such file`)
    return disk
  })
}

function inspect(world: FakeWorld, path: string, withHash: boolean): HostFile {
  const disk = daemon.diskAt(world, path)
  const isPool = Object.values(world.pools).some((pool) => pool.built && pool.path === path)
  const kind = world.files[path]?.kind ?? (disk === undefined ? (isPool ? 'folder' : 'missing') : 'file')
  const inode = disk?.inode ?? numberFrom(path)
  const facts = { path, kind, realPath: path, inode, sha256: undefined }
  if (disk === undefined)
    return { ...facts, sizeBytes: 0, modifiedNs: '0', mode: 0o755, head: new Uint8Array() }
  const content = JSON.stringify([disk.data, disk.capacityBytes, disk.allocationBytes, disk.backingPath])
  return {
    ...facts,
    sizeBytes: disk.format === 'raw' ? disk.capacityBytes : disk.allocationBytes,
    modifiedNs: disk.modifiedNs ?? numberFrom(content),
    mode: modeOf(disk),
    head: disk.format === 'qcow2' ? qcow2Head(disk) : new Uint8Array(4096),
    sha256: withHash ? sha256Hex(content) : undefined,
  }
}

const numberFrom = (text: string): string => String(Number.parseInt(sha256Hex(text).slice(0, 12), 16))

function report(world: FakeWorld, { user, needs }: AccessRequest): AccessReport {
  const name = user ?? world.access.user
  const blocked = needs.flatMap(({ path, need }): readonly AccessBlock[] => {
    const denied = daemon.deniedAt(world, path)
    const [first] = denied
    if (first === undefined) return []
    const noRepair = denied.find((one) => one.noRepair !== undefined)?.noRepair
    const repairs =
      noRepair === undefined
        ? denied.map((one) => ({ path: one.path, user: name, permissions: one.permissions }))
        : []
    return [{ path, need, at: first.path, repairs, noRepair }]
  })
  const confined = needs
    .filter(({ path }) => world.access.confined.includes(path))
    .map(({ path }) => ({
      path,
      by: 'apparmor' as const,
      message: `AppArmor will refuse ${path}.`,
      hint: `Allow it in /etc/apparmor.d/local/abstractions/libvirt-qemu.`,
    }))
  return { user: name, by: 'test', missing: [], blocked, confined }
}
