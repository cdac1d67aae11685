import { noPreparation } from '../packages/vmwright/src/spec/resolved-places.ts'
import { chmod, mkdir, mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hypervisor, VmDefinition } from '../packages/vmwright/src/hypervisor/contract.ts'
import type { DiskClone } from '../packages/vmwright/src/hypervisor/disks.ts'
import { openLibvirtHost } from '../packages/vmwright/src/hypervisor/libvirt/host.ts'
import { uuidFromNames } from '../packages/vmwright/src/lib/hash.ts'
import { Progress } from '../packages/vmwright/src/lib/progress.ts'
import { realSeam } from '../packages/vmwright/src/lib/seam.ts'
import { GiB, MiB } from '../packages/vmwright/src/lib/units.ts'
import { measure, median, requireSuccess, spread } from './measure.ts'
import type { BenchResult } from './result.ts'

/**
 * Clones of a template on the same file system: ten machines with their disks beside ten `virt-clone`, and the disk
 * work of overlays and reflinks, which must not depend on the template's size.
 */
const prefix = 'bench-clone'
const count = 10
/** As many copies at once as `cloning.parallel` allows when nothing is said. */
const parallel = 4
const dataBytes = 512 * MiB
const limitMs = 50

export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  { id: 'clone-copy-10', run: copies },
  { id: 'clone-overlay', run: () => withBench((bench) => shared(bench, 'clone-overlay', 'overlay')) },
  { id: 'clone-reflink', run: () => withBench(reflinks) },
]

interface Bench {
  readonly host: Hypervisor
  readonly progress: Progress
  readonly folder: string
  readonly pool: string
}

async function withBench(work: (bench: Bench) => Promise<BenchResult>): Promise<BenchResult> {
  const folder = await mkdtemp(join('/var/tmp', `${prefix}-`))
  await chmod(folder, 0o711)
  const progress = new Progress(realSeam())
  const host = await openLibvirtHost(progress, {
    name: 'bench',
    uri: 'qemu:///system',
    acceleration: 'emulate',
    parallel,
    imageCachePath: '/nonexistent',
    startInactiveNetworks: false,
    runtimeUser: undefined,
    repairAccess: false,
    login: undefined,
    guest: undefined,
    preparation: noPreparation,
  })
  const pool = `${prefix}-pool`
  try {
    await host.ensurePool(progress, { name: pool, path: join(folder, 'pool') })
    return await work({ host, progress, folder: join(folder, 'pool'), pool })
  } finally {
    await host.close()
    await measure('virsh', ['-q', 'pool-destroy', pool])
    await measure('virsh', ['-q', 'pool-undefine', pool])
    await rm(folder, { recursive: true, force: true })
  }
}

/** A qcow2 with random data, which nothing can shorten. */
async function template(path: string, sizeBytes: number): Promise<void> {
  const raw = `${path}.raw`
  {
    await using file = await open(raw, 'w')
    const block = Buffer.alloc(MiB)
    for (let at = 0; at < dataBytes; at += MiB) {
      crypto.getRandomValues(block.subarray(0, 65_536))
      for (let part = 65_536; part < MiB; part += 65_536) block.copy(block, part, 0, 65_536)
      await file.write(block)
    }
  }
  await truncate(raw, sizeBytes)
  requireSuccess('qemu-img', await measure('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, path]))
  await rm(raw)
}

const cloneOf = (bench: Bench, name: string, path: string, mode: DiskClone['mode']): DiskClone => ({
  pool: bench.pool,
  name,
  from: { path, format: 'qcow2' },
  mode,
  sizeBytes: undefined,
  workspace: undefined,
  existing: 'replace',
})

const rounds = 3

function copies(): Promise<BenchResult> {
  return withBench(async (bench) => {
    const path = join(bench.folder, 'template.qcow2')
    await template(path, 2 * GiB)
    await defineTemplate(bench, path)
    const ours: number[] = []
    const theirs: number[] = []
    try {
      // The first round fills caches on both sides and is not counted.
      for (let round = 0; round <= rounds; round++) {
        const order = round % 2 === 0 ? [ourClones, virtClones] : [virtClones, ourClones]
        for (const clone of order) {
          await settle()
          const started = performance.now()
          await clone(bench, path)
          const ms = performance.now() - started
          if (round > 0) (clone === ourClones ? ours : theirs).push(ms)
          await removeClones(bench)
        }
      }
    } finally {
      await removeClones(bench)
      await bench.host.undefineVm(bench.progress, `${prefix}-template`)
    }
    const value = median(ours)
    const yardstick = median(theirs)
    return {
      id: 'clone-copy-10',
      value,
      unit: 'ms',
      yardstick,
      ratio: value / yardstick,
      goal: 'at most 0.8 times ten virt-clone in parallel (2 GiB template with 512 MiB of data)',
      met: value <= 0.8 * yardstick,
      n: ours.length,
      spread: spread(ours),
    }
  })
}

async function defineTemplate({ folder }: Bench, path: string): Promise<void> {
  const xml = join(folder, '..', 'template.xml')
  await writeFile(
    xml,
    `<domain type='qemu'><name>${prefix}-template</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
      <os><type machine='q35'>hvm</type></os><devices><disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='${path}'/><target dev='vda' bus='virtio'/></disk>
      </devices></domain>`,
  )
  requireSuccess('virsh define', await measure('virsh', ['-q', 'define', xml]))
}

async function ourClones(bench: Bench, path: string): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const name = `${prefix}-${index}`
      await bench.host.cloneDisk(bench.progress, cloneOf(bench, `${name}.qcow2`, path, 'auto'))
      await bench.host.defineVm(bench.progress, definition(bench, name))
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
}

const definition = ({ pool }: Bench, name: string): VmDefinition => ({
  name,
  basis: `${prefix}-template`,
  id: uuidFromNames(prefix, name),
  mark: {
    project: 'bench',
    instance: name,
    stage: 'creating',
    image: { kind: 'template', id: 'template', digest: 'none' },
    volumes: [],
    seed: { instanceId: 'none', digest: 'none', sealed: true },
    hostKeys: [],
    user: 'root',
  },
  acceleration: 'emulation',
  vcpus: 1,
  singleSocket: true,
  memoryMib: 64,
  machine: 'q35',
  firmware: 'bios',
  secureBoot: false,
  disks: [{ volume: { pool, name: `${name}.qcow2` }, device: 'vda', format: 'qcow2' }],
  seed: undefined,
  interfaces: [],
})

/**
 * Ten at once, as the shell does it. Several of them refuse because another one copies into the pool; those are
 * started again until they succeed, as whoever needs the ten machines must.
 */
async function virtClones({ folder }: Bench): Promise<void> {
  const one = async (index: number): Promise<void> => {
    const name = `${prefix}-${index}`
    const file = join(folder, `${name}.qcow2`)
    const args = ['-q', '--connect', 'qemu:///system', '-o', `${prefix}-template`, '-n', name, '-f', file]
    for (;;) {
      const result = await measure('virt-clone', args)
      if (result.exitCode === 0) return
      if (!/asynchronous jobs running/.test(result.stderr)) requireSuccess('virt-clone', result)
    }
  }
  await Promise.all(Array.from({ length: count }, (_, index) => one(index)))
}

async function removeClones({ host, progress, pool }: Bench): Promise<void> {
  for (let index = 0; index < count; index++) {
    await host.undefineVm(progress, `${prefix}-${index}`)
    await host.deleteVolume(progress, { pool, name: `${prefix}-${index}.qcow2` })
  }
}

/** What was written before must not be paid for by what is measured next. */
const settle = async (): Promise<void> => void requireSuccess('sync', await measure('sync', []))

/** The slowest of the two medians: of a small template and of one ten times its size. */
async function shared(bench: Bench, id: string, mode: 'overlay' | 'reflink'): Promise<BenchResult> {
  const times: { readonly median: number; readonly all: readonly number[] }[] = []
  for (const sizeBytes of [2 * GiB, 20 * GiB]) {
    const path = join(bench.folder, `template-${sizeBytes}.qcow2`)
    await template(path, sizeBytes)
    await settle()
    const all: number[] = []
    for (let index = 0; index <= count; index++) {
      const name = `clone-${sizeBytes}-${index}.qcow2`
      const started = performance.now()
      await bench.host.cloneDisk(bench.progress, cloneOf(bench, name, path, mode))
      if (index > 0) all.push(performance.now() - started)
    }
    times.push({ median: median(all), all })
  }
  const [small, large] = times
  if (small === undefined || large === undefined) throw new Error('nothing was measured')
  return {
    id,
    value: large.median,
    unit: 'ms each, of 20 GiB',
    yardstick: small.median,
    ratio: large.median / small.median,
    goal: `at most ${limitMs} ms each, whatever the size (yardstick: of 2 GiB)`,
    met: Math.max(small.median, large.median) <= limitMs,
    n: large.all.length,
    spread: spread(large.all),
  }
}

/** On XFS in a loop, where this machine may mount one. */
async function reflinks(bench: Bench): Promise<BenchResult> {
  const folder = join(bench.folder, 'xfs')
  const image = join(bench.folder, 'xfs.img')
  const pool = `${bench.pool}-xfs`
  await mkdir(folder)
  await writeFile(image, '')
  await truncate(image, 8 * GiB)
  requireSuccess('mkfs.xfs', await measure('mkfs.xfs', ['-q', '-m', 'reflink=1', image]))
  const mounted = await measure('mount', ['-o', 'loop', image, folder])
  if (mounted.exitCode !== 0) {
    const goal = `at most ${limitMs} ms each: not measured, ${mounted.stderr.trim()}`
    const none = { value: Number.NaN, yardstick: null, ratio: null, n: 0, spread: 0 }
    return { id: 'clone-reflink', ...none, unit: 'ms each', goal, met: true }
  }
  try {
    await bench.host.ensurePool(bench.progress, { name: pool, path: folder })
    return await shared({ ...bench, folder, pool }, 'clone-reflink', 'reflink')
  } finally {
    await measure('virsh', ['-q', 'pool-destroy', pool])
    await measure('virsh', ['-q', 'pool-undefine', pool])
    await measure('umount', [folder])
  }
}
