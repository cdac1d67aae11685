import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Progress } from '../lib/progress.ts'
import { realSeam } from '../lib/seam.ts'
import { findPhases } from './find.ts'
import { collectInputs } from './inputs.ts'
import type { PhaseInputs } from './phase.ts'

const progress = new Progress(realSeam())

describe('the inputs of a phase', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vmwright-inputs-'))
  })
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  type Files = Readonly<Record<string, string>>
  const write = async (files: Files): Promise<void> => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
  }
  const inputs = async (at = folder): Promise<PhaseInputs> => {
    const phases = await findPhases(progress, {
      folder: at,
      platform: 'debian',
      target: undefined,
      inline: {},
    })
    if (phases.init === undefined) throw new Error('no init')
    return await collectInputs(progress, phases.init, { folder: at })
  }
  const paths = async (): Promise<readonly string[]> => (await inputs()).files.map(({ path }) => path)

  it('G8: are the file, its includes and all sources of steps, folders whole', async () => {
    await write({
      'init.yaml':
        'include: common.yaml\nsteps:\n  - script: run.sh\n  - copy: { from: site, to: /srv }\n  - template: { from: t.conf, to: /etc/t }\n  - make\n',
      'common.yaml': 'steps: [x]\n',
      'run.sh': '#!/bin/sh\n',
      'site/a/b.txt': 'b',
      'site/c.txt': 'c',
      't.conf': '${x}',
      'unrelated.txt': '',
      'site2/x': '',
    })
    await chmod(join(folder, 'run.sh'), 0o755)
    await mkdir(join(folder, 'site/empty'))
    await symlink('../unrelated.txt', join(folder, 'site/link'))
    await symlink('..', join(folder, 'site/loop'))
    const found = await inputs()
    expect(found.files.map(({ path, executable, because }) => [path, executable, because])).toEqual([
      ['common.yaml', false, 'included by init.yaml'],
      ['init.yaml', false, 'phase file'],
      ['run.sh', true, 'run by init.yaml'],
      ['site/a/b.txt', false, 'copied by init.yaml'],
      ['site/c.txt', false, 'copied by init.yaml'],
      ['site/empty/', false, 'copied by init.yaml'],
      ['site/link', false, 'copied by init.yaml'],
      // The link leads to the phase folder, and in it `site` would lead there again.
      ...(await paths())
        .filter((path) => path.startsWith('site/loop/'))
        .map((path) => [path, expect.any(Boolean), 'copied by init.yaml']),
      ['t.conf', false, 'filled in by init.yaml'],
    ])
    expect(found.steps).toBeUndefined()
    expect(await inputs()).toEqual(found)
  })

  it('G8: tell a source that is not there', async () => {
    await write({ 'init.yaml': 'steps: [{ script: no.sh }]\n' })
    await expect(inputs()).rejects.toMatchObject({
      code: 'phase.invalid',
      message: expect.stringContaining('no.sh'),
    })
  })

  it('G8: of steps in the spec are what they do, not what they are called, how long they may take, or where the project lies', async () => {
    const digest = async (extra: object, root = folder): Promise<string | undefined> => {
      await mkdir(root, { recursive: true })
      await writeFile(join(root, 'x.sh'), 'x')
      const step = {
        title: 't',
        timeoutMs: undefined,
        environment: {},
        user: undefined,
        kind: 'script' as const,
        path: join(root, 'x.sh'),
        args: [],
        directory: undefined,
        exitCodes: [0],
        ...extra,
      }
      const phase = { name: 'init', kind: 'native', steps: [step], origin: { kind: 'spec' } } as const
      return (await collectInputs(progress, phase, { folder: root })).steps
    }
    const first = await digest({})
    expect(first).toMatch(/^[0-9a-f]{64}$/)
    expect(await digest({ title: 'other', timeoutMs: 5 })).toBe(first)
    expect(await digest({}, join(folder, 'elsewhere'))).toBe(first)
    for (const change of [
      { args: ['a'] },
      { environment: { A: 'b' } },
      { user: 'root' },
      { directory: '/' },
      { exitCodes: [0, 1] },
    ])
      expect(await digest(change)).not.toBe(first)
  })

  it.each<readonly [string, string, Files, readonly string[]]>([
    [
      'included and imported tasks',
      '- include_tasks: a.yml\n- ansible.builtin.import_tasks: { file: sub/b.yml }\n- block:\n    - include_tasks: c.yml\n  rescue:\n    - include_tasks: d.yml\n  always:\n    - include_tasks: e.yml\n',
      {
        'a.yml': '[]',
        'sub/b.yml': '- include_tasks: n.yml\n- copy: { src: f.txt, dest: /f }\n',
        'sub/n.yml': '- include_tasks: b.yml\n  when: x\n',
        'sub/files/f.txt': '',
        'n.yml': '',
        'c.yml': '',
        'd.yml': '',
        'e.yml': '',
        'f.yml': '',
        'files/other': '',
      },
      ['a.yml', 'c.yml', 'd.yml', 'e.yml', 'sub/b.yml', 'sub/files/f.txt', 'sub/n.yml'],
    ],
    [
      'files where Ansible looks for them',
      '- copy: { src: a, dest: /a }\n- copy: src=b dest=/b\n- template: { src: t.j2, dest: /t }\n- script: s.sh --fast\n- unarchive: { src: u.tgz, dest: / }\n- assemble: { src: parts, dest: /x, remote_src: no }\n- win_copy: { src: w, dest: C:\\ }\n- ansible.posix.synchronize: { src: tree, dest: / }\n',
      {
        'files/a': '',
        a: '',
        b: '',
        'templates/t.j2': "{% include 'p.j2' %}{{ lookup('file', 'l.txt') }}",
        'templates/p.j2': '',
        'files/l.txt': '',
        'files/s.sh': '',
        'u.tgz': '',
        'parts/1': '',
        'parts/2': '',
        'files/w': '',
        'tree/x/y': '',
        'templates/q.j2': '',
      },
      [
        'b',
        'files/a',
        'files/l.txt',
        'files/s.sh',
        'files/w',
        'parts/1',
        'parts/2',
        'templates/p.j2',
        'templates/t.j2',
        'tree/x/y',
        'u.tgz',
      ],
    ],
    [
      'nothing that is in the guest',
      '- copy: { src: a, dest: /a, remote_src: true }\n- file: { src: a, dest: /b, state: link }\n- fetch: { src: a, dest: x }\n- assemble: { src: parts, dest: /x }\n- copy: { content: a, dest: /c }\n- shell: cat a\n',
      { a: '', 'parts/1': '' },
      [],
    ],
    [
      'variables and lookups in them',
      "- include_vars: v.yml\n- include_vars: { dir: more }\n- debug: { msg: \"{{ lookup('file', 'x') }} {{ query('ansible.builtin.fileglob', 'g/*.conf') }}\" }\n",
      {
        'vars/v.yml': "k: \"{{ lookup('template', 'y.j2') }}\"",
        'vars/more/1.yml': '',
        'vars/more/2.yml': '',
        x: '',
        'templates/y.j2': '',
        'files/g/a.conf': '',
        'files/g/b.txt': '',
        z: '',
      },
      ['files/g/a.conf', 'templates/y.j2', 'vars/more/1.yml', 'vars/more/2.yml', 'vars/v.yml', 'x'],
    ],
    [
      'loops that stand in the task',
      '- copy: { src: "{{ item }}", dest: / }\n  loop: [a, b]\n- template: { src: "{{ item.from }}.j2", dest: "{{ item.to }}" }\n  with_items: [{ from: t, to: /t }]\n- command: x\n  with_file: [c]\n- command: x\n  with_first_found: [{ files: [m.yml, n.yml], paths: [p] }]\n',
      { a: '', b: '', c: '', d: '', 't.j2': '', 'u.j2': '', 'p/n.yml': '' },
      ['a', 'b', 'c', 'p/n.yml', 't.j2'],
    ],
    [
      'roles whole, with those that they use',
      '- include_role: { name: one }\n- import_role: name=two\n',
      {
        'roles/one/tasks/main.yml':
          '- include_tasks: more.yml\n- copy: { src: own, dest: / }\n- copy: { src: beside, dest: / }\n',
        'roles/one/tasks/more.yml': '',
        'roles/one/files/own': '',
        'roles/one/README': '',
        'roles/one/meta/main.yml': 'dependencies: [three, { role: four }]\n',
        'roles/two/tasks/main.yml': '',
        'roles/three/tasks/main.yml': '',
        'roles/four/defaults/main.yml': '',
        'roles/five/tasks/main.yml': '',
        'files/beside': '',
      },
      [
        'files/beside',
        'roles/four/defaults/main.yml',
        'roles/one/README',
        'roles/one/files/own',
        'roles/one/meta/main.yml',
        'roles/one/tasks/main.yml',
        'roles/one/tasks/more.yml',
        'roles/three/tasks/main.yml',
        'roles/two/tasks/main.yml',
      ],
    ],
    [
      'what Ansible loads by itself',
      '- command: x\n',
      {
        'library/m.py': '',
        'filter_plugins/f.py': '',
        'group_vars/all.yml': '',
        'ansible.cfg': '',
        'ansible.cfg.bak': '',
      },
      ['ansible.cfg', 'filter_plugins/f.py', 'group_vars/all.yml', 'library/m.py'],
    ],
    [
      'actions in other words',
      '- action: copy src=a dest=/a\n- local_action: { module: template, src: b, dest: /b }\n- copy:\n  args: { src: c, dest: /c }\n',
      { a: '', b: '', c: '', d: '' },
      ['a', 'b', 'c'],
    ],
  ])('G8: of tasks are %s', async (_what, tasks, files, expected) => {
    await write({ 'init.yaml': tasks, ...files })
    const found = await inputs()
    expect(found.files.map(({ path }) => path)).toEqual([...expected, 'init.yaml'].toSorted())
  })

  it.each<readonly [string, string, Files, readonly string[]]>([
    [
      'a file',
      '- copy: { src: "conf/{{ x }}.cfg", dest: / }\n',
      {
        'files/conf/a.cfg': '',
        'files/conf/b/c.cfg': '',
        'files/conf/d.txt': '',
        'conf/e.cfg': '',
        'other/f.cfg': '',
      },
      ['conf/e.cfg', 'files/conf/a.cfg', 'files/conf/b/c.cfg'],
    ],
    [
      'tasks, and what they lead to',
      '- include_tasks: "{{ os }}.yml"\n',
      { 'debian.yml': '- copy: { src: deb, dest: / }\n', 'fedora.yml': '', deb: '', rpm: '' },
      ['deb', 'debian.yml', 'fedora.yml'],
    ],
    [
      'a folder',
      '- copy: { src: "{{ name }}-site/", dest: / }\n',
      { 'a-site/x': '', 'b-site/y/z': '', 'c/x': '' },
      ['a-site/x', 'b-site/y/z'],
    ],
    [
      'a role',
      '- include_role: { name: "{{ r }}" }\n',
      { 'roles/a/tasks/main.yml': '', 'roles/b/files/x': '', rest: '' },
      ['roles/a/tasks/main.yml', 'roles/b/files/x'],
    ],
    [
      'a path by the folder of the playbook',
      '- copy: { src: "{{ playbook_dir }}/files/x", dest: / }\n',
      { 'files/x': '', 'files/y': '' },
      ['files/x'],
    ],
    [
      'a lookup',
      "- debug: { msg: \"{{ lookup('file', 'a' ~ b) }}\" }\n",
      { 'files/ab': '', z: '' },
      ['files/ab', 'z'],
    ],
    [
      'anything',
      '- include_vars: "{% if x %}a{% else %}b{% endif %}.yml"\n',
      { 'vars/a.yml': '', 'b.yml': '' },
      ['b.yml', 'vars/a.yml'],
    ],
  ])(
    'G8: of a name made at run time for %s are all that it may lead to, with a note',
    async (_what, tasks, files, expected) => {
      await write({ 'init.yaml': tasks, ...files })
      const found = await inputs()
      expect(found.files.map(({ path }) => path).filter((path) => path !== 'init.yaml')).toEqual(expected)
      expect(found.notes.join()).toMatch(/run time/)
    },
  )

  it('G8: have notes for what cannot be followed', async () => {
    await write({
      'init.yaml': "- debug: { msg: \"{{ lookup('pipe', 'date') }}\" }\n- copy: { src: missing, dest: / }\n",
    })
    expect((await inputs()).notes).toEqual([
      'init.yaml asks the lookup `pipe` when it runs; what it answers does not count.',
      'init.yaml names missing, which is not there.',
    ])
  })

  it('G8: are all of 1,000 files', async () => {
    await write({ 'init.yaml': 'steps: [{ copy: { from: tree, to: /tree } }]\n' })
    await write(
      Object.fromEntries(
        Array.from({ length: 1000 }, (_, index) => [`tree/${index % 50}/${index}`, `${index}`]),
      ),
    )
    expect(await paths()).toHaveLength(1001)
  })
})
