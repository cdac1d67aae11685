import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { renderSeed, type SeedFiles } from '../packages/vmwright/src/cloudinit/render.ts'
import { writeSeedImage } from '../packages/vmwright/src/cloudinit/iso9660.ts'
import { exampleSecrets, fullInstance } from '../packages/vmwright/src/cloudinit/testing.ts'
import { isProvisionError } from '../packages/vmwright/src/lib/errors.ts'
import { runProgram } from '../packages/vmwright/src/lib/process.ts'
import type { BenchResult } from './result.ts'

const goalMs = 2
const rounds = 20
/** One image is too quick to time alone. */
const imagesPerRound = 50

export const benchmarks = [{ id: 'seed-iso', run: seedIso }] as const

/** From the model of an instance to its seed image in memory; the yardstick packs the same three files to a file. */
async function seedIso(): Promise<BenchResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'vmwright-bench-'))
  try {
    const files = makeSeed(0)
    const paths = await writeFiles(folder, files)
    timeOurs()
    const ours: number[] = []
    const theirs: number[] = []
    for (let round = 0; round < rounds; round++) {
      ours.push(timeOurs())
      const other = await timeGenisoimage(folder, paths)
      if (other !== undefined) theirs.push(other)
    }
    const value = median(ours)
    const yardstick = theirs.length === 0 ? null : median(theirs)
    return {
      id: 'seed-iso',
      value,
      unit: 'ms',
      yardstick,
      ratio: yardstick === null ? null : value / yardstick,
      goal: `at most ${goalMs} ms each`,
      met: value <= goalMs,
      n: ours.length,
      spread: Math.max(...ours) - Math.min(...ours),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const makeSeed = (count: number): SeedFiles =>
  renderSeed({ instance: fullInstance, instanceId: `bench-${count}`, generated: exampleSecrets })

function timeOurs(): number {
  const start = performance.now()
  for (let count = 0; count < imagesPerRound; count++) writeSeedImage(makeSeed(count))
  return (performance.now() - start) / imagesPerRound
}

async function writeFiles(folder: string, files: SeedFiles): Promise<readonly string[]> {
  const named = [
    ['user-data', files.userData],
    ['meta-data', files.metaData],
    ['network-config', files.networkConfig],
  ] as const
  return Promise.all(
    named.map(async ([name, text]) => {
      const file = path.join(folder, name)
      await writeFile(file, text)
      return file
    }),
  )
}

/** Milliseconds of `genisoimage -J -r`; `undefined` where it is not installed. */
async function timeGenisoimage(folder: string, files: readonly string[]): Promise<number | undefined> {
  const args = ['-quiet', '-o', path.join(folder, 'seed.iso'), '-V', 'cidata', '-J', '-r', ...files]
  const start = performance.now()
  try {
    const { exitCode } = await runProgram('genisoimage', args)
    return exitCode === 0 ? performance.now() - start : undefined
  } catch (error) {
    if (isProvisionError(error, 'process.not-found')) return undefined
    throw error
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
