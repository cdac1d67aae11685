import { createHash, randomBytes } from 'node:crypto'
import { execFile } from 'node:child_process'
import { appendFile, mkdir, readdir, readFile, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { census } from '../support/census.ts'
import { define, type Lab, openLab, quickGuests } from '../support/lab.ts'
import { whyNoPrivateLibvirt } from '../support/private-libvirt.ts'
import { type Ended, jsonRun, mutationsOf, requireCode } from '../support/program.ts'
import { linesOf } from '../support/virsh.ts'

/**
 * Clones of templates on a real libvirt. The guests need no time to boot, so that their number and what happens
 * to them on bad days cost nothing; `templates.acceptance.ts` has guests with an operating system.
 */
const unavailable = whyNoPrivateLibvirt()
const run = promisify(execFile)
let lab: Lab
let before: readonly string[]
/** The folder with the templates' disks. */
let golden: string

beforeAll(async () => {
  if (unavailable !== undefined) return
  lab = await openLab('clones', { tmpfs: { small: '24m' } })
  golden = join(lab.space.folder, 'golden')
  await mkdir(golden)
  await makeDisks()
  await defineTemplate('golden', ['root.qcow2', 'data.raw', 'more.qcow2'])
  await defineTemplate('plain', ['plain.raw'])
  before = await host()
})
afterAll(() => lab?.[Symbol.asyncDispose]())
beforeEach(({ skip }) => skip(unavailable !== undefined, unavailable))
afterEach(async () => {
  if (unavailable !== undefined) return
  await lab.space.vmwright(['destroy', '--disks', '--yes'])
  await stillAsBefore()
})

const disk = (name: string): string => join(golden, name)
const pool = (name: string): string => join(lab.pool, name)

async function makeDisks(): Promise<void> {
  const create = async (name: string, size: string): Promise<void> => {
    const format = name.endsWith('.raw') ? 'raw' : 'qcow2'
    await run('qemu-img', ['create', '-q', '-f', format, disk(name), size])
  }
  const sleeper = async (name: string, format: string): Promise<void> => {
    await run('qemu-img', ['convert', '-O', format, join(lab.space.folder, 'sleeper.qcow2'), disk(name)])
    // SeaBIOS boots from no disk of a single sector.
    await run('qemu-img', ['resize', '-q', '-f', format, disk(name), '4M'])
  }
  await sleeper('root.qcow2', 'qcow2')
  await sleeper('plain.raw', 'raw')
  await create('data.raw', '16M')
  await create('more.qcow2', '32M')
  // Contents that a copy must have too.
  await lab.space.write('golden/data.raw', randomBytes(16 * 1024 * 1024))
  await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0x5a 1M 8M', disk('more.qcow2')])
}

async function defineTemplate(name: string, disks: readonly string[]): Promise<void> {
  const devices = disks.map((file, index) => {
    const format = file.endsWith('.raw') ? 'raw' : 'qcow2'
    return `<disk type='file' device='disk'><driver name='qemu' type='${format}'/><source file='${disk(file)}'/>
      <target dev='vd${'abc'[index]}' bus='virtio'/>${index === 0 ? "<boot order='1'/>" : ''}</disk>`
  })
  await define(
    lab.space,
    lab.virsh,
    '',
    `<domain type='qemu'><name>${name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>
      <features><acpi/></features>
      <devices>${devices.join('')}
        <interface type='network'><mac address='52:54:00:00:00:01'/><source network='lab'/><model type='virtio'/></interface>
      </devices></domain>`,
  )
}

const templates = {
  debian: { domain: 'golden', identity: 'cloud-init' },
  raw: { domain: 'plain', identity: 'cloud-init' },
}

const writeSpec = (more: object): Promise<string> =>
  lab.space.spec('vmwright.yaml', {
    ...lab.base,
    project: 'clones',
    templates,
    defaults: { ...quickDefaults, template: 'debian', snapshot: false },
    instances: { one: {} },
    ...more,
  })

/** Without what a clone has from its template. */
const { image: _image, rootDisk: _rootDisk, ...quickDefaults } = quickGuests

async function expectCode(code: number, ...args: readonly string[]): Promise<Ended> {
  return requireCode(await lab.space.vmwright(args), code)
}

/** What libvirt has and what lies in the folders, the templates' content and modes among it. */
async function host(): Promise<readonly string[]> {
  const lines = (await census(lab.virsh)).filter((line) => !/^(pool|volume) vmwright-/.test(line))
  const files: string[] = []
  for (const name of (await readdir(golden)).toSorted())
    files.push(
      `${name} ${sha256(await readFile(disk(name)))} ${(await run('stat', ['-c', '%a', disk(name)])).stdout.trim()}`,
    )
  const left = await readdir(lab.pool).catch((): string[] => [])
  return [...lines, ...files, ...left.map((name) => `file ${name}`)]
}

const stillAsBefore = async (): Promise<void> => expect(await host()).toEqual(before)

const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex')

const isSame = (one: string, other: string): Promise<unknown> =>
  run('qemu-img', ['compare', '-U', one, other])

const uuidOf = (name: string): Promise<string> => lab.virsh('domuuid', name)

const macOf = async (name: string): Promise<string> =>
  /<mac address='([^']+)'/.exec(await lab.virsh('dumpxml', name))?.[1] ?? ''

const backingOf = async (file: string): Promise<string | undefined> =>
  (
    JSON.parse((await run('qemu-img', ['info', '-U', '--output=json', file])).stdout) as {
      'backing-filename'?: string
    }
  )['backing-filename']

describe('clones', () => {
  it('T1, T3, T4: five of a template with three disks of two formats, each with its own identity and copies', async () => {
    await writeSpec({
      cloning: { mode: 'parallel', parallel: 3 },
      instances: { c: { count: 4 }, alias: { template: 'golden' } },
    })
    await expectCode(0, 'apply')
    const names = ['c-1', 'c-2', 'c-3', 'c-4', 'alias']
    for (const name of names) {
      expect(await lab.virsh('domstate', name)).toBe('running')
      const blocks = linesOf(await lab.virsh('domblklist', name, '--details'))
      const files = blocks.flatMap((line) =>
        line.includes(' disk ') ? [line.split(/\s+/).at(-1) ?? ''] : [],
      )
      expect(files).toHaveLength(3)
      expect(files.every((file) => file.startsWith(lab.pool))).toBe(true)
      for (const [index, template] of ['root.qcow2', 'data.raw', 'more.qcow2'].entries()) {
        await isSame(files[index] ?? '', disk(template))
        expect(await backingOf(files[index] ?? '')).toBeUndefined()
      }
    }
    expect(new Set(await Promise.all(names.map(uuidOf))).size).toBe(5)
    expect(new Set([...(await Promise.all(names.map(macOf))), '52:54:00:00:00:01']).size).toBe(6)
    expect(await lab.virsh('domstate', 'golden')).toBe('shut off')

    const again = await lab.space.vmwright(['apply', '--json'])
    expect(jsonRun(again).result.outcome).toBe('unchanged')
    expect(mutationsOf(jsonRun(again))).toBe(0)
  })

  it('T1, T3: overlays leave the disks on the template, which is protected until the last of them is gone', async () => {
    await writeSpec({ instances: { o: { count: 2, clone: 'overlay' } } })
    await expectCode(0, 'apply')
    expect(await backingOf(pool('o-1.qcow2'))).toBe(disk('root.qcow2'))
    await expect(lab.virsh('start', 'golden')).rejects.toThrow(/denied|Read-only|lock/i)
    const status = await lab.space.vmwright(['status'])
    expect(status.stdout).toContain('golden on local: o-1, o-2')
    await expectCode(0, 'destroy', 'o-1', '--disks', '--yes')
    await expect(lab.virsh('start', 'golden')).rejects.toThrow(/denied|Read-only|lock/i)
    await expectCode(0, 'destroy', '--disks', '--yes')
    await lab.virsh('start', 'golden')
    await lab.virsh('destroy', 'golden')
  })

  it('T1: the template that runs is refused, or shut down and started again where the spec says so', async () => {
    await lab.virsh('start', 'golden')
    try {
      await writeSpec({})
      const refused = await expectCode(5, 'apply')
      expect(refused.stderr).toContain('template.running')
      expect(await lab.virsh('domstate', 'golden')).toBe('running')
      const debian = { ...templates.debian, whenRunning: 'shut-down', restart: true }
      await writeSpec({ templates: { ...templates, debian } })
      await expectCode(0, 'apply')
      expect(await lab.virsh('domstate', 'golden')).toBe('running')
      expect(await lab.virsh('domstate', 'one')).toBe('running')
    } finally {
      await lab.virsh('destroy', 'golden')
    }
  })

  it('T6: a snapshot is made of the machine that was shut down, which then runs again; one may do without', async () => {
    await writeSpec({
      defaults: { ...quickDefaults, template: 'debian' },
      instances: { one: {}, two: { snapshot: false } },
    })
    await expectCode(0, 'apply')
    expect(linesOf(await lab.virsh('snapshot-list', 'one', '--name'))).toEqual(['snapshot-a'])
    expect(await lab.virsh('snapshot-info', 'one', 'snapshot-a')).toMatch(/State:\s+shutoff/)
    expect(linesOf(await lab.virsh('snapshot-list', 'two', '--name'))).toEqual([])
    for (const name of ['one', 'two']) expect(await lab.virsh('domstate', name)).toBe('running')
  })

  it('T2: a workspace holds what is not complete, and is empty after the run, also after one that failed', async () => {
    const workspace = join(lab.space.folder, 'workspace')
    await writeSpec({ cloning: { workspace, emptyWorkspace: true } })
    await expectCode(0, 'apply')
    expect(await readdir(workspace).catch((): string[] => [])).toEqual([])
    await writeSpec({ cloning: { workspace: `${lab.pool}/` } })
    expect((await expectCode(4, 'validate')).stderr).toMatch(/workspace/)
    await writeSpec({})
  })

  it('T8: a template that did not change is validated once, and again when it did', async () => {
    await writeSpec({ cloning: { validate: 'once', fullHash: true } })
    const plan = async (): Promise<string> => (await expectCode(0, 'plan')).stdout
    const unchanged = 'unchanged since it was validated'
    expect(await plan()).not.toContain(unchanged)
    expect(await plan()).toContain(unchanged)
    await utimes(disk('more.qcow2'), new Date(), new Date(Date.now() - 5000))
    expect(await plan()).not.toContain(unchanged)
    expect(await plan()).toContain(unchanged)
  })
})

describe('bad input', () => {
  it.each([
    [
      'T3: a template that does not exist',
      'template.not-found',
      { debian: { domain: 'goldne', identity: 'cloud-init' } },
    ],
    [
      'T3: a listed disk that is missing',
      'template.disk-invalid',
      { debian: { domain: 'golden', identity: 'cloud-init', disks: ['/nonexistent/root.qcow2'] } },
    ],
  ])('%s', async (_title, code, more) => {
    await writeSpec({ templates: { ...templates, ...more } })
    const { stderr } = await expectCode(5, 'apply')
    expect(stderr).toContain(code)
    expect(stderr).toContain('golden')
  })

  it('T3: a listed disk that belongs to another machine, and one that is not listed', async () => {
    const listed = (...names: readonly string[]) => ({
      templates: { debian: { ...templates.debian, disks: names.map(disk) } },
    })
    await writeSpec(listed('root.qcow2', 'data.raw', 'plain.raw'))
    const foreign = await expectCode(5, 'apply')
    expect(foreign.stderr).toContain('plain.raw')
    expect(foreign.stderr).toContain('more.qcow2')
    await writeSpec(listed('root.qcow2', 'data.raw'))
    expect((await expectCode(5, 'apply')).stderr).toContain('more.qcow2')
  })

  it('T3: a disk with a backing file that belongs to nobody known', async () => {
    const strange = join(lab.space.folder, 'strange.qcow2')
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', strange, '16M'])
    await run('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-F',
      'qcow2',
      '-b',
      strange,
      disk('chained.qcow2'),
    ])
    await defineTemplate('chained', ['chained.qcow2'])
    try {
      await writeSpec({ templates: { debian: { domain: 'chained', identity: 'cloud-init' } } })
      const { stderr } = await expectCode(5, 'apply')
      expect(stderr).toContain('template.disk-invalid')
      expect(stderr).toContain(strange)
    } finally {
      await lab.virsh('undefine', 'chained')
      await rm(disk('chained.qcow2'))
    }
  })

  it('T4: names that are the template’s, that match two, or none', async () => {
    await writeSpec({ instances: { golden: {} } })
    expect((await expectCode(4, 'validate')).stderr).toContain('golden')
    await writeSpec({
      templates: { first: templates.debian, second: templates.debian },
      defaults: { ...quickDefaults, template: 'golden' },
    })
    expect((await expectCode(4, 'validate')).stderr).toMatch(/first.*second/s)
    await writeSpec({ defaults: { ...quickDefaults, template: 'debain' } })
    expect((await expectCode(4, 'validate')).stderr).toContain('`debian`')
  })

  it('T1, X4: the pool is full half-way through the third disk of the fifth clone, and only that clone is undone', async () => {
    const small = { name: 'vmwright-small', path: join(lab.space.folder, 'small') }
    // Six clones of 16 MiB raw would be 96 MiB; four and a half of what is written here fit.
    await appendFile(disk('more.qcow2'), '')
    await writeSpec({
      pools: { mine: small },
      cloning: { mode: 'sequential' },
      defaults: { ...quickDefaults, template: 'raw-data', snapshot: false },
      templates: { 'raw-data': { domain: 'three', identity: 'cloud-init' } },
      instances: { f: { count: 5 } },
    })
    for (const [name, mib] of [
      ['t1.raw', 1],
      ['t2.raw', 1],
      ['t3.raw', 3],
    ] as const)
      await lab.space.write(`golden/${name}`, randomBytes(mib * 1024 * 1024))
    await defineTemplate('three', ['t1.raw', 't2.raw', 't3.raw'])
    try {
      const ended = await lab.space.vmwright(['apply', '--json'])
      expect(ended.code).toBe(1)
      expect(ended.stdout).toContain('pool.full')
      const made = linesOf(await lab.virsh('list', '--all', '--name')).filter((name) => name.startsWith('f-'))
      expect(made).toHaveLength(4)
      const files = await readdir(small.path)
      expect(files.filter((name) => name.endsWith('.partial'))).toEqual([])
      const missing = ['f-1', 'f-2', 'f-3', 'f-4', 'f-5'].find((name) => !made.includes(name)) ?? 'none'
      expect(files.filter((name) => name.startsWith(missing))).toEqual([])
    } finally {
      await lab.space.vmwright(['destroy', '--disks', '--yes'])
      await lab.virsh('undefine', 'three')
      for (const name of ['t1.raw', 't2.raw', 't3.raw']) await rm(disk(name))
    }
  })
})

it('X4: clones killed around their effects converge, the template started again and protected', async () => {
  await lab.virsh('start', 'plain')
  try {
    await writeSpec({
      templates: {
        raw: { ...templates.raw, whenRunning: 'shut-down', restart: true },
        debian: templates.debian,
      },
      instances: { k: { template: 'raw' }, o: { clone: 'overlay' } },
    })
    const whole = mutationsOf(jsonRun(await lab.space.vmwright(['apply', '--json'])))
    const wanted = (await census(lab.virsh)).map(withoutIdentity)
    await expectCode(0, 'destroy', '--disks', '--yes')
    for (let point = 1; point <= whole; point += Math.max(1, Math.floor(whole / 6))) {
      await lab.space.vmwright(['apply'], {
        VMWRIGHT_FAULT: `kill:${point % 2 === 0 ? 'before' : 'after'}:${point}`,
      })
      await expectCode(0, 'apply')
      expect((await census(lab.virsh)).map(withoutIdentity)).toEqual(wanted)
      await lab.space.vmwright(['destroy', '--disks', '--yes'], {
        VMWRIGHT_FAULT: `kill:after:${1 + (point % 7)}`,
      })
      await expectCode(0, 'destroy', '--disks', '--yes')
    }
  } finally {
    await lab.virsh('destroy', 'plain').catch(() => {})
  }
})

/** Without what is new in each creation. */
const withoutIdentity = (line: string): string =>
  line
    .replaceAll(/iid-\w+/g, 'iid')
    .replaceAll(/(hostKey>)[^<]*/g, '$1')
    .replaceAll(/<creationTime>\d+/g, '')
