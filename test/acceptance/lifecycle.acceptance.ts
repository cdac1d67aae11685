import { execFile } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ActionRun, GuestRun, LifecycleRun } from '@vmwright/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ended, requireCode } from '../support/program.ts'
import { sweep } from '../support/sweep.ts'
import { linesOf, openVirsh } from '../support/virsh.ts'
import { openWorkspace, type Workspace } from '../support/workspace.ts'

/**
 * The life of one Debian guest: made once, and from then on restored from the cache. The tests are one story and
 * build on each other.
 */
const virsh = openVirsh('qemu:///system')
const run = promisify(execFile)
const guest = 'vmwright-life'
const project = 'acceptance-life'
const secret = 'not-to-be-seen-4711'
/** An emulated guest's clock is set within this. */
const clockToleranceMs = 3_000

let space: Workspace

beforeAll(async () => {
  await sweep(virsh, guest)
  space = await openWorkspace('life')
  await mkdir(join(space.folder, 'phases/files'), { recursive: true })
  await writeSpec()
  await phase('dependencies', [{ name: 'Depend', shell: 'echo dependencies > /var/lib/story', user: 'root' }])
  await space.write('phases/init.yaml', initTasks)
  await space.write('phases/files/greeting', 'hello\n')
  await phase('main', tellStory)
  await phase('terminate', [{ name: 'Say goodbye', shell: 'echo goodbye; cat /var/lib/story' }])
})

afterAll(async () => {
  await space?.vmwright(['destroy', '--disks', '--yes'])
  await sweep(virsh, guest)
  await space?.[Symbol.asyncDispose]()
})

const writeSpec = (lifecycle: object = {}): Promise<string> =>
  space.spec('vmwright.yaml', {
    version: 1,
    project,
    hosts: { local: { acceleration: 'emulate' } },
    images: {
      base: { build: { distribution: 'debian', suite: 'bookworm' }, firmware: 'bios' },
    },
    instances: { [guest]: { image: 'base', memory: '512MiB', vcpus: 2, snapshot: false } },
    lifecycle: {
      phases: 'phases',
      variables: { greeting: 'good day' },
      secrets: { TOKEN: { env: 'LIFE_TOKEN' } },
      connection: { timeout: '10m' },
      shutdown: { attempts: 6, delay: '5s' },
      ...lifecycle,
    },
  })

const phase = (name: string, steps: readonly unknown[]): Promise<string> =>
  space.write(`phases/${name}.yaml`, JSON.stringify({ steps }))

/** For Ansible, which is installed on this machine. */
const initTasks = `
- name: A file of this machine
  become: true
  ansible.builtin.copy: { src: greeting, dest: /etc/greeting, mode: "0644" }
- name: A line with a variable
  become: true
  ansible.builtin.lineinfile: { path: /var/lib/story, line: "init: {{ greeting }}" }
`

const tellStory = [
  {
    name: 'Tell the story',
    shell: 'cat /var/lib/story /etc/greeting > story; echo "$TOKEN" | wc -c >> story',
  },
  { name: 'Look at the clock', shell: 'date +%s > clock' },
  { fetch: '/home/debian/story' },
  { fetch: '/home/debian/clock' },
]

const start = (...args: readonly string[]) =>
  space.start(['run', '--json', ...args], {
    LIFE_TOKEN: secret,
    ANSIBLE_LOCAL_TEMP: join(space.folder, 'tmp'),
  })

interface Life {
  readonly ended: Ended
  readonly results: string
  readonly record: LifecycleRun
  readonly guest: GuestRun
  /** Status by action. */
  readonly did: Readonly<Record<string, ActionRun['status']>>
}

const latest = (): string => join(space.folder, 'results/latest')
const readRecord = async (): Promise<LifecycleRun> =>
  JSON.parse(await readFile(join(latest(), 'results.json'), 'utf8')) as LifecycleRun

/** The run, and the record of it that stays. */
async function lived(ended: Promise<Ended>): Promise<Life> {
  const end = await ended
  const results = latest()
  const record = await readRecord()
  const [only] = record.guests
  if (only === undefined) throw new Error(`no guest in the results:\n${end.stdout}\n${end.stderr}`)
  const did = Object.fromEntries(only.actions.map(({ action, status }) => [action, status]))
  return { ended: end, results, record, guest: only, did }
}

const live = (...args: readonly string[]): Promise<Life> => lived(start(...args).ended)

const fetched = async ({ results, guest: { fetched: files } }: Life, name: string): Promise<string> => {
  const path = files.find((file) => file.endsWith(name))
  return path === undefined ? `no ${name} among ${files.join(', ')}` : readFile(join(results, path), 'utf8')
}

const logOf = async ({ results, guest: { actions } }: Life, action: string): Promise<string> => {
  const log = actions.find((each) => each.action === action)?.log
  return log === undefined ? '' : readFile(join(results, log), 'utf8')
}

/** From when to when it was done, by the clock of this machine. */
function timesOf({ guests }: LifecycleRun, action: string): readonly [number, number] {
  const done = guests[0]?.actions.find((each) => each.action === action)
  if (done === undefined) throw new Error(`${action} was not done`)
  return [done.startedAtMs, done.startedAtMs + done.durationMs]
}

const stateOf = async (): Promise<string> => virsh('domstate', guest)
const snapshots = async (): Promise<readonly string[]> =>
  linesOf(await virsh('snapshot-list', guest, '--name')).toSorted()

/** What ran anew of all that the cache can spare. */
const anew = ({ did }: Life): readonly string[] =>
  ['create', 'dependencies', 'init'].filter((action) => did[action] === 'passed')

const story = ['dependencies', 'init: good day', 'hello', String(secret.length + 1)]

describe('a lifecycle', () => {
  it('G1, G3, G8: says which file serves which phase, and why nothing can be restored', async () => {
    const { stdout } = requireCode(await space.vmwright(['run', '--explain']))
    for (const said of ['phases/init.yaml', 'phases/main.yaml', 'miss']) expect(stdout).toContain(said)
    expect(await virsh('list', '--all', '--name')).not.toContain(guest)
  })

  it('G1, G2, G4, G5, G10: runs all phases in a new guest, and keeps each layer', async () => {
    const life = await live()
    requireCode(life.ended)
    expect(life.record.outcome).toBe('passed')
    expect(life.did).toMatchObject({
      dependencies: 'passed',
      init: 'passed',
      main: 'passed',
      terminate: 'passed',
      shutdown: 'passed',
    })
    expect(linesOf(await fetched(life, 'story'))).toEqual(story)
    expect(await logOf(life, 'terminate')).toContain('goodbye')
    expect(await snapshots()).toEqual([
      expect.stringMatching(/^acceptance-life\.auto-[0-9a-f]{12}\.dependencies$/),
      expect.stringMatching(/^acceptance-life\.auto-[0-9a-f]{12}\.init$/),
      'clean',
    ])
    expect(await stateOf()).toBe('shut off')
  })

  it('G10: leaves JUnit XML and a report that needs nothing else, and no secret', async () => {
    const results = join(space.folder, 'results/latest')
    await run('xmllint', ['--noout', join(results, 'junit.xml')])
    expect(await readFile(join(results, 'junit.xml'), 'utf8')).toContain(`name="${guest}"`)
    const report = await readFile(join(results, 'report.html'), 'utf8')
    expect(report).toContain(guest)
    expect(report).not.toMatch(/(?:src|href)="https?:/)
    await expect(
      run('grep', ['-rl', secret, join(space.folder, 'results'), space.folder]),
    ).rejects.toMatchObject({
      code: 1,
      stdout: '',
    })
  })

  it('G2, G8: restores the last layer and runs main alone when nothing changed, with the right time', async () => {
    const [, keptMs] = timesOf(await readRecord(), 'create-init')
    const life = await live()
    requireCode(life.ended)
    expect(anew(life)).toEqual([])
    expect(life.did).toMatchObject({ 'restore-init': 'cached', main: 'passed', terminate: 'passed' })
    expect(linesOf(await fetched(life, 'story'))).toEqual(story)
    const [beganMs, endedMs] = timesOf(life.record, 'main')
    const clockMs = Number(await fetched(life, 'clock')) * 1_000
    expect(clockMs).toBeGreaterThan(beganMs - clockToleranceMs)
    expect(clockMs).toBeLessThan(endedMs + clockToleranceMs)
    // Otherwise a clock that nobody has set would have passed.
    expect(beganMs - keptMs).toBeGreaterThan(2 * clockToleranceMs)
  })

  it('G8: another file in the folder changes nothing; a file that init copies makes init anew, alone', async () => {
    await space.write('phases/files/unused', 'nobody asks for it\n')
    expect(anew(await live())).toEqual([])
    await space.write('phases/files/greeting', 'good evening\n')
    const life = await live()
    expect(anew(life)).toEqual(['init'])
    expect(linesOf(await fetched(life, 'story'))).toEqual(story.with(2, 'good evening'))
  })

  it('G1, G10: a phase that fails fails the run, with terminate and shutdown after it', async () => {
    await phase('main', [{ name: 'Break', shell: 'echo it is broken >&2; exit 3' }])
    const life = await live()
    expect(life.ended.code).toBe(1)
    expect(life.did).toMatchObject({ main: 'failed', terminate: 'passed', shutdown: 'passed' })
    const { error } = life.guest.actions.find(({ action }) => action === 'main') ?? {}
    expect(error).toMatchObject({ code: 'phase.failed', message: expect.stringContaining('Break') })
    expect(await logOf(life, 'main')).toContain('it is broken')
    expect(await readFile(join(life.results, 'junit.xml'), 'utf8')).toContain('<failure')
    expect(await stateOf()).toBe('shut off')
  })

  it('G4: a step may reboot the guest; one that hangs is ended at its limit', async () => {
    await phase('main', [
      { shell: 'cat /proc/sys/kernel/random/boot_id > before; sync' },
      'reboot',
      { shell: 'test "$(cat before)" != "$(cat /proc/sys/kernel/random/boot_id)"' },
      { name: 'Hang', shell: 'sleep 1000', timeout: '3s' },
    ])
    const life = await live()
    const main = life.guest.actions.find(({ action }) => action === 'main')
    expect(main?.steps.map(({ status }) => status)).toEqual(['passed', 'passed', 'passed', 'failed'])
    expect(main?.error).toMatchObject({ code: 'phase.timeout', message: expect.stringContaining('Hang') })
    expect(life.did).toMatchObject({ terminate: 'passed', shutdown: 'passed' })
  })

  it('G1: a guest whose sshd dies, and one whose kernel panics, are told and shut down', async () => {
    await phase('main', [
      { name: 'Lose sshd', shell: 'systemctl stop ssh; pkill -9 sshd; sleep 60', user: 'root' },
    ])
    const lost = await live()
    expect(lost.did).toMatchObject({ main: 'failed' })
    expect(await stateOf()).toBe('shut off')
    await phase('main', [
      { name: 'Panic', shell: 'echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger', user: 'root' },
    ])
    const panicked = await live()
    expect(panicked.did).toMatchObject({ main: 'failed' })
    expect(await stateOf()).toBe('shut off')
  })

  it('X4, G1: a run that was killed is ended by the next one, and two on one guest do not meet', async () => {
    await phase('main', [{ name: 'Wait', shell: 'echo waiting; sleep 20' }])
    const killed = start()
    await killed.printed('waiting')
    const second = await space.vmwright(['run', '--json'], { LIFE_TOKEN: secret })
    expect(second.code).not.toBe(0)
    expect(second.stdout).toContain('run.busy')
    killed.child.kill('SIGKILL')
    await killed.ended
    await phase('main', tellStory)
    const life = await live()
    requireCode(life.ended)
    expect(life.did).toMatchObject({ recover: 'passed', 'restore-init': 'cached', main: 'passed' })
    expect(linesOf(await fetched(life, 'story'))).toEqual(story.with(2, 'good evening'))
  })

  it('G6: does what is allowed, and nothing else', async () => {
    const life = await live('--allow', 'restore-init,main,shutdown')
    requireCode(life.ended)
    expect(life.did).toMatchObject({ 'restore-init': 'cached', main: 'passed', shutdown: 'passed' })
    expect(life.did['terminate']).toBe('skipped')
    const bare = await live('--allow', 'restore-clean,main,shutdown')
    expect(bare.did).toMatchObject({ 'restore-clean': 'cached', init: 'skipped', main: 'failed' })
  })

  it('G5: works through the guest agent as well, where nothing of the network is needed', async () => {
    await writeSpec({ connection: { kind: 'agent', timeout: '10m' } })
    await phase('main', [
      { shell: 'id -un > /root/who; echo "$TOKEN" | wc -c >> /root/who' },
      { fetch: '/root/who' },
    ])
    const life = await live('--allow', 'restore-clean,main,shutdown')
    requireCode(life.ended)
    expect(linesOf(await fetched(life, 'who'))).toEqual(['root', String(secret.length + 1)])
  })

  it('G2: another project keeps its snapshot; the cache is listed and pruned', async () => {
    await virsh('snapshot-create-as', guest, 'other.1.init')
    const { stdout } = await space.vmwright(['cache', 'list', '--json'])
    expect(stdout).toContain('.dependencies')
    const { code } = await space.vmwright(['cache', 'prune', '--all', '--yes'])
    expect({ code, left: await snapshots() }).toEqual({ code: 0, left: ['other.1.init'] })
  })
})
