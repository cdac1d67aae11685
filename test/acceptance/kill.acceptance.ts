import { randomBytes } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { census } from '../support/census.ts'
import { type Lab, openLab, quickGuests } from '../support/lab.ts'
import { whyNoPrivateLibvirt } from '../support/private-libvirt.ts'
import { jsonRun, mutationsOf } from '../support/program.ts'

/**
 * The real process is killed around its numbered effects on a real libvirt, and run again. The same is done for
 * every effect on the fake host by the unit tests of the engine; here a sample shows that the fake tells the truth.
 */
const unavailable = whyNoPrivateLibvirt()
let lab: Lab
let before: readonly string[]
let wanted: readonly string[]
let applyEffects: number
let destroyEffects: number

beforeAll(async () => {
  if (unavailable !== undefined) return
  lab = await openLab('kill')
  await lab.space.spec('vmwright.yaml', {
    ...lab.base,
    project: 'kill',
    defaults: quickGuests,
    instances: {
      one: { extraDisks: [{ size: '64MiB' }], autostart: true },
      two: { firmware: 'uefi', rootDisk: { mode: 'copy' }, snapshot: false },
    },
  })
  before = await everything()
  applyEffects = mutationsOf(jsonRun(await lab.space.vmwright(['apply', '--json'])))
  wanted = await everything()
  destroyEffects = mutationsOf(jsonRun(await lab.space.vmwright([...destroy, '--json'])))
  await forgetPools()
})
afterAll(() => lab?.[Symbol.asyncDispose]())
beforeEach(async ({ skip }) => {
  skip(unavailable !== undefined, unavailable)
  // What a test that failed left behind is not the next one's fault.
  if ((await everything()).join('\n') === before.join('\n')) return
  for (const spec of [[], ['-f', 'large.yaml']]) await lab.space.vmwright([...destroy, ...spec])
  await forgetPools()
})

const destroy = ['destroy', '--disks', '--yes']

/** What libvirt lists and what lies in the folders, without what is new in each creation. */
async function everything(): Promise<readonly string[]> {
  const nvram = await readdir(join(lab.space.folder, 'libvirt/lib/qemu/nvram')).catch(() => [])
  const files = await readdir(lab.pool).catch(() => [])
  const lines = await census(lab.virsh)
  return [
    ...lines.map((line) =>
      line
        .replaceAll(/iid-\w+/g, 'iid')
        .replaceAll(/(hostKey>)[^<]*/g, '$1')
        .replaceAll(/<creationTime>\d+/g, ''),
    ),
    ...nvram.map((name) => `nvram ${name}`),
    ...files.map((name) => `file ${name}`),
  ]
}

/** Pools and cached images stay by design; without them the next apply makes them again. */
async function forgetPools(): Promise<void> {
  for (const pool of ['vmwright-images', 'vmwright-mine']) {
    await lab.virsh('pool-destroy', pool).catch(() => {})
    await lab.virsh('pool-undefine', pool).catch(() => {})
  }
  for (const folder of ['pool', 'image-cache'])
    await rm(join(lab.space.folder, folder), { recursive: true, force: true })
}

type When = 'before' | 'after'

async function kill(command: readonly string[], when: When, ordinal: number): Promise<boolean> {
  const { signal } = await lab.space.vmwright(command, { VMWRIGHT_FAULT: `kill:${when}:${ordinal}` })
  return signal === 'SIGKILL'
}

async function converge(): Promise<void> {
  const again = await lab.space.vmwright(['apply'])
  expect(again.stderr).not.toContain('error')
  expect(again.code).toBe(0)
  expect(await everything()).toEqual(wanted)
  const plan = await lab.space.vmwright(['plan', '--detailed-exitcode'])
  expect({ code: plan.code, said: plan.stdout }).toEqual({
    code: 0,
    said: expect.stringContaining('Nothing to do'),
  })
}

async function vanish(): Promise<void> {
  const again = await lab.space.vmwright(destroy)
  expect(again.stderr).not.toContain('error')
  expect(again.code).toBe(0)
  await forgetPools()
  expect(await everything()).toEqual(before)
}

const listed = async (folder: string, file: string): Promise<boolean> =>
  (await readdir(folder).catch((): string[] => [])).includes(file)

/** `count` numbers spread over 1…`last`, the first and the last among them. */
const spread = (count: number, last: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => 1 + Math.round((index * (last - 1)) / (count - 1)))

it('X4: an apply killed around 12 of its effects, and a destroy around 12, converge when they are run again', async () => {
  const points = spread(12, applyEffects)
  const destroyPoints = spread(12, destroyEffects)
  const survived: string[] = []
  const killAround = async (command: readonly string[], when: When, point: number): Promise<void> => {
    if (!(await kill(command, when, point))) survived.push(`${command[0]} ${when} ${point}`)
  }
  for (const [index, point] of points.entries()) {
    const isEven = index % 2 === 0
    await killAround(['apply'], isEven ? 'after' : 'before', point)
    await converge()
    await killAround(destroy, isEven ? 'before' : 'after', destroyPoints[index] ?? 1)
    await vanish()
  }
  // A slow guest is asked several times to shut down, each time an effect: a quicker run has fewer, and ends before
  // the last points.
  expect(survived.slice(4)).toEqual([])
})

it('X4: a run killed in the middle of a long copy is followed by one that waits for libvirt to end it', async () => {
  await lab.space.write('large.raw', randomBytes(384 * 1024 * 1024))
  await lab.space.spec('large.yaml', {
    ...lab.base,
    project: 'kill',
    images: { large: { file: './large.raw', firmware: 'bios' } },
    defaults: { ...quickGuests, image: 'large', snapshot: false, rootDisk: { size: '512MiB', mode: 'copy' } },
    instances: { large: {} },
  })
  const spec = ['-f', 'large.yaml']
  const first = lab.space.start(['apply', ...spec])
  await first.printed('create disk large.qcow2')
  await lab.space.until(() => listed(lab.pool, 'large.qcow2'))
  first.child.kill('SIGKILL')
  const again = await lab.space.vmwright(['apply', ...spec])
  expect({ code: again.code, said: again.stderr }).toEqual({ code: 0, said: expect.any(String) })
  expect((await lab.space.vmwright(['plan', '--detailed-exitcode', ...spec])).code).toBe(0)
  expect((await lab.space.vmwright([...destroy, ...spec])).code).toBe(0)
  await forgetPools()
  expect(await everything()).toEqual(before)
})

it('X4: a run killed while it makes good an earlier kill converges too', async () => {
  for (const [first, second] of [
    [8, 1],
    [20, 8],
  ] as const) {
    expect(await kill(['apply'], 'after', first)).toBe(true)
    expect(await kill(['apply'], 'after', second)).toBe(true)
    await converge()
    expect(await kill(destroy, 'after', 3)).toBe(true)
    expect(await kill(destroy, 'before', 2)).toBe(true)
    await vanish()
  }
})
