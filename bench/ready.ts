import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { measure, median, requireSuccess, spread } from './measure.ts'
import type { BenchResult } from './result.ts'

/**
 * How long after the end of cloud-init on the console a guest is reported ready. Real guests, made from the image
 * built from packages, one after the other. The end on the console is the moment its last line is read from the
 * serial console; before the report its result has been read from inside the guest.
 */
const rounds = 3
const vmwright = new URL('../vmwright', import.meta.url).pathname

export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  { id: 'ready-lag', run: readyLag },
]

async function readyLag(): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-bench-'))
  const spec = join(folder, 'vmwright.yaml')
  const lags: number[] = []
  try {
    await writeFile(spec, specText)
    for (let round = 0; round < rounds; round++) {
      lags.push(await applyOnce(spec))
      requireSuccess(
        'destroy',
        await measure(vmwright, ['destroy', '--disks', '--yes', '-f', spec, '--json']),
      )
    }
  } finally {
    await measure(vmwright, ['destroy', '--disks', '--yes', '-f', spec, '--json'])
    await rm(folder, { recursive: true, force: true })
  }
  const value = median(lags)
  return {
    id: 'ready-lag',
    value,
    unit: 'ms',
    yardstick: null,
    ratio: null,
    goal: 'median at most 200 ms',
    met: value <= 200,
    n: rounds,
    spread: spread(lags),
  }
}

interface Event {
  readonly kind: string
  readonly atMs: number
  readonly step?: string
  readonly what?: string
}

/** Milliseconds from cloud-init's last line on the console to the end of the step that waits. */
async function applyOnce(spec: string): Promise<number> {
  const child = spawn(vmwright, ['apply', '-f', spec, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let finishedMs: number | undefined
  let readyMs: number | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as Event
    if (event.kind === 'step-progress' && event.what?.includes('reading its result') === true)
      finishedMs ??= event.atMs
    if (event.kind === 'step-finished' && event.step?.includes('await-ready') === true) readyMs ??= event.atMs
  }
  if (finishedMs === undefined || readyMs === undefined)
    throw new Error('the guest did not get ready, or its console was not heard')
  return readyMs - finishedMs
}

const specText = `version: 1
project: bench-ready
hosts:
  local: { uri: "qemu:///system", acceleration: prefer-kvm }
images:
  built: { build: { distribution: debian, suite: bookworm } }
defaults: { image: built, memory: 768MiB, snapshot: false }
instances:
  bench-ready: {}
`
