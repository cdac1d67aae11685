import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Progress } from '../lib/progress.ts'
import { realSeam } from '../lib/seam.ts'
import { findPhases, type PhaseSearch } from './find.ts'

const progress = new Progress(realSeam())

describe('phases', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vmwright-phases-'))
  })
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  const write = async (files: Readonly<Record<string, string | Uint8Array>>): Promise<void> => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
  }
  const find = (search: Partial<PhaseSearch> = {}) =>
    findPhases(progress, { folder, platform: 'debian', target: 'amd64', inline: {}, ...search })

  it('G3: come from the most specific file, each by itself, `.yaml` before `.yml`', async () => {
    const steps = (text: string): string => `steps: [${text}]\n`
    await write({
      'dependencies.yaml': steps('root'),
      'init.yml': steps('root'),
      'main.yaml': steps('root'),
      'debian/init.yml': steps('platform'),
      'debian/main.yaml': steps('platform'),
      'debian/main.yml': steps('second'),
      'debian/amd64/main.yml': steps('target'),
      'fedora/main.yaml': steps('other'),
    })
    const phases = await find()
    const found = Object.entries(phases).map(([name, phase]) => [
      name,
      phase.kind === 'native' && phase.steps[0]?.title,
      phase.origin.kind === 'file' && phase.origin.path,
    ])
    expect(found).toEqual([
      ['dependencies', 'root', join(folder, 'dependencies.yaml')],
      ['init', 'platform', join(folder, 'debian/init.yml')],
      ['main', 'target', join(folder, 'debian/amd64/main.yml')],
    ])
    expect(phases.main?.origin).toMatchObject({
      searched: [
        'debian/amd64/main.yaml',
        'debian/amd64/main.yml',
        'debian/main.yaml',
        'debian/main.yml',
        'main.yaml',
        'main.yml',
      ].map((name) => join(folder, name)),
    })
    expect((await find({ platform: undefined, target: undefined })).main).toMatchObject({
      steps: [{ title: 'root' }],
    })
  })

  it('G3: of the spec win over files, and none means that there is none', async () => {
    await write({ 'main.yaml': 'steps: [file]\n', 'init.yaml': 'steps: [file]\n' })
    const step = {
      title: 'spec',
      timeoutMs: undefined,
      environment: {},
      user: undefined,
      kind: 'reboot',
    } as const
    const phases = await find({ inline: { main: [step], init: [] } })
    expect(phases).toEqual({
      main: { name: 'main', kind: 'native', steps: [step], origin: { kind: 'spec' } },
    })
    expect(await find({ folder: undefined })).toEqual({})
  })

  it('G4: take a list as Ansible tasks, with tags and merge keys', async () => {
    await write({
      'main.yaml':
        '- &a { command: !unsafe "x" }\n- { <<: *a, name: y }\n- name: z\n  vars: { p: !vault x }\n',
    })
    expect((await find()).main).toMatchObject({ kind: 'ansible', path: join(folder, 'main.yaml') })
  })

  it('G4: have the steps, variables and environment of what they include', async () => {
    await write({
      'main.yaml':
        'include: [a.yaml, sub/b.yaml]\nvariables: { x: main }\nenvironment: { E: main }\nsteps: [own, reboot]\n',
      'a.yaml':
        'variables: { x: a, y: a }\nenvironment: { E: a, F: a }\nsteps: [{ shell: first, environment: { G: step } }]\n',
      'sub/x.sh': '',
      'sub/y': '',
      'sub/b.yaml': 'include: ../a.yaml\nsteps: [{ script: ./x.sh }, { copy: { from: y, to: /y } }]\n',
    })
    const { main } = await find()
    expect(main).toMatchObject({
      kind: 'native',
      variables: { x: 'main', y: 'a' },
      steps: [
        { command: 'first', environment: { E: 'a', F: 'a', G: 'step' } },
        { command: 'first' },
        { kind: 'script', path: join(folder, 'sub/x.sh') },
        { kind: 'copy', from: join(folder, 'sub/y') },
        { command: 'own', environment: { E: 'main' } },
        { kind: 'reboot' },
      ],
    })
  })

  it.each<readonly [string, Readonly<Record<string, string | Uint8Array>>, RegExp, RegExp]>([
    ['an empty file', { 'main.yaml': '# nothing\n' }, /main\.yaml:1:1: is empty/, /steps/],
    [
      'no UTF-8',
      { 'main.yaml': new Uint8Array([0x61, 0x3a, 0xff]) },
      /main\.yaml:1:3: is not valid UTF-8/,
      /UTF-8/,
    ],
    ['UTF-16', { 'main.yaml': new Uint8Array([0xff, 0xfe, 0x61, 0]) }, /UTF-16/, /UTF-8/],
    ['no YAML', { 'main.yaml': 'steps:\n  - "open\n' }, /main\.yaml:\d+:\d+: /, /./],
    ['a text', { 'main.yaml': 'make check\n' }, /main\.yaml:1:1: is neither/, /steps.*list of tasks/],
    ['another mapping', { 'main.yaml': '\nstep: [x]\n' }, /main\.yaml:2:1: is neither/, /`steps:`/],
    ['a list of texts', { 'main.yaml': '- make\n' }, /main\.yaml:1:3: is not a task/, /steps/],
    ['an empty list', { 'main.yaml': '[]\n' }, /has no tasks/, /steps/],
    ['a playbook', { 'main.yaml': '- hosts: all\n  tasks: []\n' }, /main\.yaml:1:3: is a play/, /tasks:/],
    ['no steps', { 'main.yaml': 'steps: []\n' }, /has no steps/, /Remove/],
    [
      'an unknown step',
      { 'main.yaml': 'steps:\n  - shel: x\n' },
      /main\.yaml:2:5: steps\[0\]\.shel: is not a field of a phase file/,
      /Did you mean `shell`/,
    ],
    [
      'two steps in one',
      { 'main.yaml': 'steps:\n  - { shell: x, script: y }\n' },
      /main\.yaml:2:5: steps\[0\]: is not a step/,
      /exactly one/,
    ],
    [
      'a wrong time',
      { 'main.yaml': 'steps:\n  - { shell: x, timeout: 5 }\n' },
      /steps\[0\]\.timeout: must be a duration/,
      /90s/,
    ],
    [
      'a relative path in the guest',
      { 'main.yaml': 'steps: [{ copy: { from: x, to: y } }]\n' },
      /absolute path in the guest/,
      /`\/`/,
    ],
    [
      'an unknown name',
      { 'mian.yaml': 'steps: [x]\n' },
      /mian\.yaml:1:1: no phase is called `mian`/,
      /Did you mean `main`/,
    ],
    [
      'a source that is not there',
      { 'main.yaml': 'steps: [{ copy: { from: no, to: /y } }]\n' },
      /The step "copy no to \/y" of main\.yaml needs .*\/no, which cannot be read/,
      /relative/,
    ],
    [
      'an include that is not there',
      { 'main.yaml': 'include: no.yaml\n' },
      /main\.yaml:1:10: include: the file .*no\.yaml is not there/,
      /relative/,
    ],
    [
      'an include of tasks',
      { 'main.yaml': 'include: a.yaml\n', 'a.yaml': '- command: x\n' },
      /list of Ansible tasks/,
      /steps/,
    ],
    [
      'a loop',
      { 'main.yaml': 'include: a.yaml\n', 'a.yaml': '\ninclude: [main.yaml]\n' },
      /a\.yaml:2:11: include\[0\]: leads back/,
      /main\.yaml → a\.yaml → main\.yaml/,
    ],
    [
      'a loop of tasks',
      { 'main.yaml': '- import_tasks: a.yaml\n', 'a.yaml': '- debug:\n- include_tasks: main.yaml\n' },
      /a\.yaml:2: leads back/,
      /main\.yaml → a\.yaml → main\.yaml/,
    ],
  ])('G3: %s is told with file, line and hint', async (_what, files, message, hint) => {
    await write(files)
    await expect(find()).rejects.toMatchObject({
      code: 'phase.invalid',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    })
  })

  it('G3: a folder in place of a file, a link that leads nowhere and a missing folder are told', async () => {
    await mkdir(join(folder, 'main.yaml'))
    await expect(find()).rejects.toMatchObject({
      code: 'phase.invalid',
      message: expect.stringContaining('cannot be read'),
    })
    await rm(join(folder, 'main.yaml'), { recursive: true })
    await symlink('nowhere', join(folder, 'init.yaml'))
    await expect(find()).rejects.toMatchObject({ message: expect.stringContaining('leads nowhere') })
    await expect(find({ folder: join(folder, 'no') })).rejects.toMatchObject({
      code: 'phase.invalid',
      hint: expect.stringContaining('lifecycle.phases'),
    })
  })

  it('G3: a file with nearly the name of a phase is no fault where it is used, and an end that tasks decide on is none', async () => {
    await write({
      'main.yaml': 'include: ini.yaml\n',
      'ini.yaml': 'steps: [x]\n',
      'terminate.yaml': '- include_tasks: terminate.yaml\n  when: again | default(false)\n',
    })
    expect(Object.keys(await find())).toEqual(['main', 'terminate'])
  })
})
