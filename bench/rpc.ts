import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  calls,
  fileChunks,
  openLibvirt,
  type Libvirt,
  type StoragePool,
  type StorageVolume,
} from '@vmwright/libvirt'
import type { BenchResult } from './result.ts'

const run = promisify(execFile)
const MiB = 1024 * 1024

/** What the RPC client promises. They need the system daemon; `rpc-upload` also needs `virsh` as its yardstick. */
export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  { id: 'rpc-calls', run: smallCalls },
  { id: 'rpc-upload', run: uploads },
  { id: 'rpc-connections', run: manyConnections },
]

/** Small calls with eight callers at once, of which five are in flight at the daemon. */
async function smallCalls(): Promise<BenchResult> {
  await using libvirt = await openLibvirt('test:///default')
  const { domain } = await libvirt.call(calls.domainLookupByName, { name: 'test' })
  const perRun = 20_000
  const once = async () => {
    let left = perRun
    const caller = async () => {
      while (left-- > 0) await libvirt.call(calls.domainGetState, { domain })
    }
    const started = performance.now()
    await Promise.all(Array.from({ length: 8 }, caller))
    return (perRun / (performance.now() - started)) * 1_000
  }
  await once()
  const runs = [await once(), await once(), await once(), await once(), await once()]
  const { median, spread } = summary(runs)
  const goal = 'at least 10000 calls/s with 8 callers (higher is better)'
  return {
    id: 'rpc-calls',
    value: Math.round(median),
    unit: 'calls/s',
    ...plain,
    goal,
    met: median >= 10_000,
    n: runs.length,
    spread,
  }
}

const plain = { yardstick: null, ratio: null } as const
const uploadBytes = 500 * MiB

/** 500 MiB from a file into a volume, in turns with `virsh vol-upload`; opening the connection counts for both. */
async function uploads(): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-rpc-'))
  const name = folder.slice(folder.lastIndexOf('/') + 1)
  await using libvirt = await openLibvirt('qemu:///system')
  const xml = `<pool type="dir"><name>${name}</name><target><path>${folder}</path></target></pool>`
  const { pool } = await libvirt.call(calls.storagePoolCreateXml, { xml })
  try {
    const source = join(folder, 'source')
    await randomFile(source, uploadBytes)
    const ours: number[] = []
    const theirs: number[] = []
    for (let round = 0; round < 6; round++) {
      const mine = await seconds(libvirt, pool, (vol) => uploadOnce(vol, source))
      const yardstick = await seconds(libvirt, pool, (vol) =>
        run('virsh', ['-c', 'qemu:///system', 'vol-upload', vol.key, source]),
      )
      // The first round only warms the page cache.
      if (round === 0) continue
      ours.push(mine)
      theirs.push(yardstick)
    }
    return compared(ours, theirs)
  } finally {
    await libvirt.call(calls.storagePoolDestroy, { pool })
    await rm(folder, { recursive: true })
  }
}

async function uploadOnce(vol: StorageVolume, source: string): Promise<void> {
  await using libvirt = await openLibvirt('qemu:///system')
  await libvirt.upload(calls.storageVolUpload, { vol, offset: 0n, length: 0n }, fileChunks(source))
}

async function seconds(
  libvirt: Libvirt,
  pool: StoragePool,
  upload: (vol: StorageVolume) => Promise<unknown>,
): Promise<number> {
  const xml = `<volume><name>target</name><capacity>${uploadBytes}</capacity><target><format type="raw"/></target></volume>`
  const { vol } = await libvirt.call(calls.storageVolCreateXml, { pool, xml })
  const started = performance.now()
  await upload(vol)
  const taken = (performance.now() - started) / 1_000
  await libvirt.call(calls.storageVolDelete, { vol }, { lane: 'slow' })
  return taken
}

function compared(ours: readonly number[], theirs: readonly number[]): BenchResult {
  const { median, spread } = summary(ours)
  const yardstick = summary(theirs).median
  const ratio = median / yardstick
  const goal = 'ratio of the time of virsh vol-upload at most 1 (lower is better)'
  return {
    id: 'rpc-upload',
    value: median,
    unit: 's for 500 MiB',
    yardstick,
    ratio,
    goal,
    met: ratio <= 1,
    n: ours.length,
    spread,
  }
}

/** What 300 open connections add to a process that has one, each measured in a process of its own. */
async function manyConnections(): Promise<BenchResult> {
  const runs: number[] = []
  for (let round = 0; round < 3; round++) {
    const self = fileURLToPath(import.meta.url)
    const { stdout } = await run(process.execPath, [
      '--conditions=source',
      '--expose-gc',
      self,
      'connections',
    ])
    runs.push(Number(stdout))
  }
  const { median, spread } = summary(runs)
  const goal = 'under 20 MiB of resident memory for 300 connections (lower is better)'
  return {
    id: 'rpc-connections',
    value: median,
    unit: 'MiB',
    ...plain,
    goal,
    met: median < 20,
    n: runs.length,
    spread,
  }
}

/** The measured process: prints the growth of its resident memory in MiB. */
async function growthWithConnections(): Promise<number> {
  const settled = () => {
    globalThis.gc?.()
    return process.memoryUsage.rss()
  }
  const opened = [await openLibvirt('test:///default')]
  const before = settled()
  for (let count = 1; count <= 300; count++) opened.push(await openLibvirt('test:///default'))
  const after = settled()
  await Promise.all(opened.map((libvirt) => libvirt.close()))
  return (after - before) / MiB
}

/** The middle of the runs, and how far apart they are relative to it. */
function summary(runs: readonly number[]): { readonly median: number; readonly spread: number } {
  const sorted = runs.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const spread = ((sorted.at(-1) ?? Number.NaN) - (sorted[0] ?? Number.NaN)) / median
  return { median, spread }
}

async function randomFile(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w')
  const block = randomBytes(MiB)
  for (let written = 0; written < bytes; written += MiB) await file.write(block)
  await file.close()
}

if (process.argv[2] === 'connections' && process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(await growthWithConnections())
}
