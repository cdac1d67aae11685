import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { GuestConnector } from '../../guest/connector.ts'
import { ansibleOverSsh } from '../../guest/connector-ansible.ts'
import type { SshTarget } from '../../guest/ssh-client.ts'
import { startSshd, type TestSshd, whyNoSshd } from '../../guest/testing/sshd.ts'
import { Progress } from '../../lib/progress.ts'
import { realSeam } from '../../lib/seam.ts'
import { Secret } from '../../lib/secret.ts'
import type { Phase } from '../phase.ts'
import { runPhase } from '../run.ts'
import { makeWorkspace } from './workspace.ts'
import { recordedContext } from '../testing/context.ts'

const hasAnsible = (process.env['PATH'] ?? '')
  .split(':')
  .some((path) => existsSync(join(path, 'ansible-playbook')))
const why = hasAnsible ? whyNoSshd() : 'ansible-playbook is missing: install ansible-core'
const progress = new Progress(realSeam())

describe('a phase of Ansible tasks', { timeout: 120_000 }, () => {
  let guest: TestSshd
  let folder: string

  beforeEach(({ skip }) => skip(why !== undefined, why))
  beforeAll(async () => {
    if (why !== undefined) return
    folder = await mkdtemp(join(tmpdir(), 'vmwright-phases-'))
    guest = await startSshd()
  })
  afterAll(async () => {
    if (why !== undefined) return
    await guest[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const access = (changes: Partial<SshTarget> = {}): { readonly ansible: GuestConnector['ansible'] } => ({
    ansible: (with_, into) =>
      ansibleOverSsh(with_, into, { name: 'web', target: guest.target(changes), jumps: [] }),
  })
  const phaseOf = async (files: Readonly<Record<string, string>>): Promise<Phase> => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
    const path = join(folder, 'main.yaml')
    return { name: 'main', kind: 'ansible', path, origin: { kind: 'file', path, searched: [path] } }
  }
  const leftovers = async (): Promise<readonly string[]> =>
    (await readdir(tmpdir())).filter((name) => name.startsWith('vmwright-ansible-'))
  const processes = async (): Promise<string> =>
    (await promisify(execFile)('ps', ['axww', '-o', 'pid,args'], { maxBuffer: 16 << 20 })).stdout

  it('G4: runs tasks in the guest with variables, files and a role beside the phase, and tells each task', async () => {
    const phase = await phaseOf({
      'main.yaml': `
- name: Say who it is
  ansible.builtin.debug: { msg: "{{ vm.name }} {{ vm.platform }} {{ vm.target }} {{ vm.host }} {{ greeting }}" }
- name: Fill in
  ansible.builtin.template: { src: motd.j2, dest: "${folder}/motd" }
- name: Copy
  ansible.builtin.copy: { src: plain.txt, dest: "${folder}/plain" }
- ansible.builtin.include_tasks: more/extra.yaml
- ansible.builtin.include_role: { name: greeter }
- name: Not here
  ansible.builtin.command: "true"
  when: false
- name: Look
  ansible.builtin.command: sh -c 'echo "$LANGUAGE"; echo second'
`,
      'more/extra.yaml': '- ansible.builtin.command: echo from the include\n',
      'templates/motd.j2': 'Hello {{ greeting }}\n',
      'files/plain.txt': 'plain\n',
      'roles/greeter/tasks/main.yml': '- name: In a role\n  ansible.builtin.command: echo from the role\n',
    })
    const context = recordedContext({
      ...access(),
      variables: { greeting: '{{ not.expanded }} Grüße 🙂' },
      environment: { LANGUAGE: 'de_{{ x }}' },
    })
    const steps = await runPhase(progress.child({ timeoutMs: 100_000 }), phase, context)
    expect(context.told).toEqual(steps)
    expect(steps.map(({ title, status }) => `${status} ${title}`)).toEqual([
      'passed Gather facts',
      'passed Say who it is',
      'passed Fill in',
      'passed Copy',
      'passed ansible.builtin.include_tasks',
      'passed ansible.builtin.command',
      'passed ansible.builtin.include_role : greeter',
      'passed greeter : In a role',
      'skipped Not here',
      'passed Look',
    ])
    expect(context.output()).toContain('web debian amd64 rack1 {{ not.expanded }} Grüße 🙂')
    expect(context.output()).toContain('de_{{ x }}\n    second\n')
    expect(context.output()).toContain('from the include')
    expect(context.output()).toContain('from the role')
    expect(context.lines.every(({ text }) => text.endsWith('\n'))).toBe(true)
    expect(await readFile(join(folder, 'motd'), 'utf8')).toBe('Hello {{ not.expanded }} Grüße 🙂\n')
    expect(await readFile(join(folder, 'plain'), 'utf8')).toBe('plain\n')
    expect(await leftovers()).toEqual([])
  })

  it('G4: fails with the task, its exit code and its last lines', async () => {
    const phase = await phaseOf({
      'main.yaml': `
- name: Ignored
  ansible.builtin.command: "false"
  ignore_errors: true
- name: Break
  ansible.builtin.shell: echo about to break; echo broken >&2; exit 3
- name: Never
  ansible.builtin.command: "true"
`,
    })
    const context = recordedContext(access())
    await expect(runPhase(progress.child({ timeoutMs: 100_000 }), phase, context)).rejects.toMatchObject({
      code: 'phase.failed',
      message: expect.stringContaining('The phase main of web failed in the step "Break"'),
      details: { exitCode: 3, lastLines: expect.arrayContaining([expect.stringContaining('broken')]) },
    })
    expect(context.told.map(({ title, status }) => `${status} ${title}`)).toEqual([
      'passed Gather facts',
      'passed Ignored',
      'failed Break',
    ])
    expect(await leftovers()).toEqual([])
  })

  it.each([
    [
      'a task that is not understood',
      '- name: Odd\n  no_such_module_at_all: {}\n',
      /does not understand|stopped/,
    ],
    ['an include that is not there', '- ansible.builtin.import_tasks: nowhere.yaml\n', /understand|stopped/],
  ])('G4: tells in words that Ansible refuses %s', async (_what, text, message) => {
    const phase = await phaseOf({ 'main.yaml': text })
    const context = recordedContext(access())
    await expect(runPhase(progress.child({ timeoutMs: 100_000 }), phase, context)).rejects.toMatchObject({
      code: 'phase.failed',
      message: expect.stringMatching(message),
    })
  })

  it('G4: tells that the guest cannot be reached', async () => {
    const phase = await phaseOf({ 'main.yaml': '- ansible.builtin.command: "true"\n' })
    const context = recordedContext(access({ port: 1 }))
    await expect(runPhase(progress.child({ timeoutMs: 100_000 }), phase, context)).rejects.toMatchObject({
      code: 'phase.failed',
      message: expect.stringContaining('could not reach the guest'),
    })
  })

  /** A run of a task that takes for ever, once it has begun. */
  const hang = async (limits: Parameters<Progress['child']>[0]) => {
    const phase = await phaseOf({
      'main.yaml': '- name: Hang\n  ansible.builtin.command: sleep 150\n- ansible.builtin.command: "true"\n',
    })
    const context = recordedContext(access())
    const outcome = runPhase(progress.child(limits), phase, context).catch((error: unknown) => error)
    return { context, outcome }
  }
  const nothingIsLeft = async (): Promise<void> => {
    const left = (await processes()).split('\n').filter((line) => line.includes('vmwright-ansible-'))
    expect(left).toEqual([])
    expect(await leftovers()).toEqual([])
  }

  it('G4: ends a hanging task at its limit, and all that it had started on this machine', async () => {
    const { context, outcome } = await hang({ timeoutMs: 8_000 })
    expect(await outcome).toMatchObject({
      code: 'phase.timeout',
      message: expect.stringContaining('took longer than'),
    })
    expect(context.told.at(-1)?.status).toBe('failed')
    await nothingIsLeft()
  })

  it('G4: ends a hanging task when cancelled, and all that it had started on this machine', async () => {
    const cancel = new AbortController()
    const { context, outcome } = await hang({ signal: cancel.signal })
    await vi.waitFor(() => expect(context.output()).toContain('TASK Hang'), { timeout: 90_000 })
    cancel.abort(new Error('enough'))
    expect(await outcome).toMatchObject({ message: 'enough' })
    expect(context.told.at(-1)).toMatchObject({ title: 'Hang', status: 'cancelled' })
    await nothingIsLeft()
  })

  it('G4: ends with the process that runs it, and leaves nothing once the next run begins', async () => {
    const phase = await phaseOf({ 'main.yaml': '- name: Hang\n  ansible.builtin.command: sleep 151\n' })
    // Only the folder and its process are another's; all else is as it is run.
    await using workspace = await makeWorkspace(
      progress,
      { path: join(folder, 'main.yaml'), phaseFolder: folder },
      recordedContext(access()),
    )
    const program =
      'require("node:child_process").spawn("ansible-playbook", process.argv.slice(1), { detached: true, stdio: "inherit" })'
    const parent = spawn(process.execPath, ['-e', program, '--', ...workspace.arguments], {
      env: { ...process.env, ...workspace.environment },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let said = ''
    parent.stdout.on('data', (data: Buffer) => void (said += data.toString()))
    await vi.waitFor(() => expect(said).toContain('"Hang"'), { timeout: 90_000 })
    parent.kill('SIGKILL')
    await vi.waitFor(
      async () => expect(await processes()).not.toMatch(/ansible-playbook.*vmwright-ansible/),
      {
        timeout: 10_000,
      },
    )
    const stale = join(tmpdir(), `vmwright-ansible-${parent.pid}-left`)
    await mkdir(stale)
    await runPhase(progress.child({ timeoutMs: 1 }), phase, recordedContext(access())).catch(() => {})
    expect(existsSync(stale)).toBe(false)
  })

  it('G4: shows a secret neither in the list of processes, nor in output, nor in files that stay', async () => {
    const secret = 'correct-horse-battery'
    const phase = await phaseOf({
      'main.yaml': `
- name: Use it
  ansible.builtin.copy: { content: "{{ secrets.TOKEN }}\\n{{ lookup('env', 'TOKEN') }}\\n", dest: "${folder}/token" }
- name: Say it
  ansible.builtin.debug: { msg: "it is {{ secrets.TOKEN }}" }
- name: Look at the processes
  ansible.builtin.shell: ps axww -o args > ${folder}/processes
- name: Look at the files
  ansible.builtin.shell: grep -rlFf ${folder}/token ${tmpdir()}/vmwright-ansible-* > ${folder}/found || true
- name: Break with it
  ansible.builtin.fail: { msg: "{{ secrets.TOKEN }}" }
`,
    })
    const context = recordedContext({ ...access(), secrets: { TOKEN: new Secret(secret) } })
    const error: unknown = await runPhase(progress.child({ timeoutMs: 100_000 }), phase, context).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toMatchObject({ code: 'phase.failed' })
    expect(await readFile(join(folder, 'token'), 'utf8')).toBe(`${secret}\n${secret}\n`)
    expect(context.output()).toContain('it is ***')
    const { message, details } = error as { readonly message: string; readonly details: unknown }
    const shown = [context.output(), message, JSON.stringify(details), JSON.stringify(context.told)]
    const listed = await readFile(join(folder, 'processes'), 'utf8')
    expect(listed).toContain('ansible-playbook')
    expect(await readFile(join(folder, 'found'), 'utf8')).toBe('')
    for (const text of [...shown, listed]) expect(text).not.toContain(secret)
    expect(await leftovers()).toEqual([])
  })
})
