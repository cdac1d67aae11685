import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type LifecycleStory, readStory } from '../support/lifecycle-story.ts'
import { smallLinux, smallReady, whyNoSmallLinux } from '../support/small-linux.ts'
import { sweep } from '../support/sweep.ts'
import { linesOf, openVirsh } from '../support/virsh.ts'
import { openWorkspace, type Workspace } from '../support/workspace.ts'

/** Two platforms on two targets: four guests, of which the budget lets two run at once. One story. */
const virsh = openVirsh('qemu:///system')
const prefix = 'vmwright-matrix-'
const names = ['red-q35', 'red-pc', 'blue-q35', 'blue-pc'].map((name) => `${prefix}${name}`)
const memoryMib = 192
const whyNot = whyNoSmallLinux()

let space: Workspace

beforeAll(async () => {
  if (whyNot !== undefined) return
  await sweep(virsh, prefix)
  space = await openWorkspace('matrix')
  for (const folder of ['phases/blue/pc', 'phases/red'])
    await mkdir(join(space.folder, folder), { recursive: true })
  await space.write('phases/about', 'platform ${vm.platform}\ntarget ${vm.target}\ncolour ${colour}\n')
  await phase('init', [
    'cat /proc/sys/kernel/random/uuid > /root/initialised',
    { template: { from: './about', to: '/root/about' } },
  ])
  await phase('red/main', tell('a rose'))
  await phase('blue/main', tell('the sea'))
  await phase('blue/pc/main', [...tell('the sky'), { name: 'Break', shell: 'echo it is cloudy >&2; exit 3' }])
  await writeSpec()
})
beforeEach(({ skip }) => skip(whyNot !== undefined, whyNot))
afterAll(async () => {
  await space?.vmwright(['destroy', '--disks', '--yes'])
  await sweep(virsh, prefix)
  await space?.[Symbol.asyncDispose]()
})

const tell = (what: string): readonly unknown[] => [
  { name: 'Tell', shell: `cat /root/about > /root/story; echo "is $WORD ${what}" >> /root/story` },
  { fetch: '/root/story' },
  { fetch: '/root/initialised' },
  { name: 'Stay a while', shell: 'sleep 3' },
]

const phase = (name: string, steps: readonly unknown[]): Promise<string> =>
  space.write(`phases/${name}.yaml`, JSON.stringify({ steps }))

async function writeSpec(): Promise<void> {
  const image = await smallLinux()
  await space.spec('vmwright.yaml', {
    version: 1,
    project: 'acceptance-matrix',
    hosts: { local: { acceleration: 'emulate' } },
    images: { one: image, other: image },
    // A third guest would need 576 MiB and three CPUs.
    budget: { memory: '512MiB', vcpus: 2 },
    lifecycle: { phases: 'phases', shutdown: { attempts: 6, delay: '5s' } },
    matrix: {
      name: `${prefix}{platform}-{target}`,
      platforms: {
        default: {
          memory: `${memoryMib}MiB`,
          vcpus: 1,
          rootDisk: { size: '1GiB' },
          ready: smallReady,
          snapshot: false,
        },
        red: { image: 'one', lifecycle: { variables: { colour: 'red' } } },
        blue: { image: 'other', lifecycle: { variables: { colour: 'blue' } } },
      },
      targets: {
        q35: { machine: 'q35', lifecycle: { environment: { WORD: 'now' } } },
        pc: { machine: 'pc', lifecycle: { environment: { WORD: 'still' } } },
      },
      combine: { platforms: ['red', 'blue'], targets: ['q35', 'pc'] },
    },
  })
}

interface Run extends LifecycleStory {
  /** The most of them that libvirt had running at a time. */
  readonly mostAtOnce: number
}

/** Runs all, while libvirt is asked what runs. */
async function runAll(): Promise<Run> {
  const over = new AbortController()
  const watching = watch(over.signal)
  const ended = await space.vmwright(['run', '--json'])
  over.abort()
  const mostAtOnce = await watching
  return { ...(await readStory(space.folder, ended)), mostAtOnce }
}

async function watch(over: AbortSignal): Promise<number> {
  let most = 0
  while (!over.aborted) {
    const active = linesOf(await virsh('list', '--name')).filter((name) => name.startsWith(prefix))
    most = Math.max(most, active.length)
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  return most
}

const initialised: Record<string, string> = {}

describe('a matrix', () => {
  it('G7: runs two platforms on two targets within a budget for two, and the failure of one stops no other', async () => {
    const story = await runAll()
    expect(story.ended.code).toBe(1)
    const broken = [`${prefix}blue-pc`, 'failed', expect.stringContaining('in the step "Break"')]
    expect(story.outcomes).toEqual([...names.slice(0, 3).map((name) => [name, 'passed']), broken])
    expect(story.mostAtOnce).toBe(2)
    for (const name of names) initialised[name] = await story.fetched(name, 'initialised')
    expect(new Set(Object.values(initialised)).size).toBe(4)
    for (const name of names) expect(await virsh('domstate', name)).toBe('shut off')
  })

  it('G7: each knows its platform and its target, and has their commands, variables and machine', async () => {
    const story = await readStory(space.folder)
    const told = async (platform: string, target: string): Promise<readonly string[]> =>
      linesOf(await story.fetched(`${prefix}${platform}-${target}`, 'story'))
    const about = (platform: string, target: string, rest: string): readonly string[] => [
      `platform ${platform}`,
      `target ${target}`,
      `colour ${platform}`,
      rest,
    ]
    expect(await told('red', 'q35')).toEqual(about('red', 'q35', 'is now a rose'))
    expect(await told('red', 'pc')).toEqual(about('red', 'pc', 'is still a rose'))
    expect(await told('blue', 'q35')).toEqual(about('blue', 'q35', 'is now the sea'))
    expect(await told('blue', 'pc')).toEqual(about('blue', 'pc', 'is still the sky'))
    for (const { platform, target, name } of story.record.guests) {
      expect(name).toBe(`${prefix}${platform}-${target}`)
      expect(await virsh('dumpxml', name)).toContain(`machine='pc-${target === 'pc' ? 'i440fx' : 'q35'}`)
    }
  })

  it('G7, G10: tells who waited for room, and all four in results, JUnit and report', async () => {
    const { record, results } = await readStory(space.folder)
    const waited = record.guests.flatMap(({ actions }) => actions.filter(({ action }) => action === 'queue'))
    expect(waited).toHaveLength(2)
    for (const { because, durationMs } of waited) {
      expect(because).toMatch(/local has (?:128 MiB of memory|0 CPUs) for it, and it wants/)
      expect(durationMs).toBeGreaterThan(1_000)
    }
    for (const file of ['results.json', 'junit.xml', 'report.html']) {
      const text = await readFile(join(results, file), 'utf8')
      for (const name of names)
        expect({ file, has: text.includes(name) && name }).toEqual({ file, has: name })
    }
    expect(await readFile(join(results, 'junit.xml'), 'utf8')).toContain('failures="')
  })

  it('G7, G8: begins where the cache has got to when it runs once more', async () => {
    await phase('blue/pc/main', tell('the sky'))
    const story = await runAll()
    expect(story.ended).toMatchObject({ code: 0 })
    expect(story.outcomes).toEqual(names.map((name) => [name, 'passed']))
    expect(story.mostAtOnce).toBe(2)
    for (const name of names) {
      const { actions } = story.guest(name)
      expect(actions.find(({ action }) => action === 'restore-init')).toMatchObject({
        status: 'cached',
        because: expect.stringContaining('with its memory'),
      })
      expect(await story.fetched(name, 'initialised')).toBe(initialised[name])
    }
  })
})
