import { describe, expect, it, test } from 'vitest'
import { load, loadSound, problemLines, withHead } from './testing/load.ts'
import { defaultLifecycle, lifecycleActions } from './resolved-lifecycle.ts'

const web = 'instances:\n  web:\n    image: debian-12\n'
const withLifecycle = (lifecycle: string): string => withHead(`${web}    lifecycle: ${lifecycle}\n`)
const lifecycleOf = async (...parameters: Parameters<typeof load>) => {
  const [instance] = (await loadSound(...parameters)).instances
  if (instance === undefined) throw new Error('no instance')
  return instance.lifecycle
}

describe('a lifecycle', () => {
  it('G1: has all actions, no phases and the results beside the spec where nothing is said', async () => {
    expect(await lifecycleOf(withHead(web))).toEqual(defaultLifecycle('/specs/results'))
  })

  it('G1: is merged of the file, `defaults`, group and override, the nearest winning field by field', async () => {
    const spec = await loadSound(
      withHead(`
lifecycle: { revision: 1, memory: never, variables: { a: { x: 1, y: 1 }, list: [1, 2] }, phases: ./all }
defaults:
  image: debian-12
  lifecycle: { revision: 2, phaseTimeout: 5m, variables: { a: { y: 2 } } }
instances:
  web:
    count: 2
    lifecycle: { revision: three, variables: { list: [3] }, phases: { main: [make check] } }
    overrides:
      web-2: { lifecycle: { revision: '4', shutdown: { attempts: 1 }, phases: ~/mine } }
`),
    )
    expect(spec.instances.map(({ lifecycle }) => lifecycle)).toMatchObject([
      {
        revision: { kind: 'fixed', value: 'three' },
        memory: 'never',
        phaseTimeoutMs: 300_000,
        variables: { a: { x: 1, y: 2 }, list: [3] },
        phasesFolder: '/specs/all',
        phases: { main: [{ kind: 'shell', command: 'make check' }] },
        shutdown: { attempts: 10, delayMs: 5000 },
      },
      {
        revision: { kind: 'fixed', value: '4' },
        phasesFolder: '/home/me/mine',
        phases: { main: [{ kind: 'shell' }] },
        shutdown: { attempts: 1, delayMs: 5000 },
      },
    ])
  })

  test.each([
    ['auto', { kind: 'auto' }],
    ['7', { kind: 'fixed', value: '7' }],
    ['v1.2_b', { kind: 'fixed', value: 'v1.2_b' }],
  ])('G2: the revision %s is %j', async (revision, want) => {
    expect(await lifecycleOf(withLifecycle(`{ revision: ${revision} }`))).toMatchObject({ revision: want })
  })

  test.each([
    ['{ allow: [main, startup] }', ['startup', 'main']],
    ['{ allow: [] }', []],
    ['{ skip: [shutdown, startup] }', lifecycleActions.slice(1, -1)],
    ['{ skip: [] }', lifecycleActions],
  ])('G6: %s allows what it says, in the order of a run', async (lifecycle, allowed) => {
    expect(await lifecycleOf(withLifecycle(lifecycle))).toMatchObject({ allowed })
  })

  it('G6: the nearest level that has `allow` or `skip` decides', async () => {
    const text = `lifecycle: { allow: [main] }\n${web}    lifecycle: { skip: [main] }\n`
    expect(await lifecycleOf(withHead(text))).toMatchObject({
      allowed: lifecycleActions.filter((action) => action !== 'main'),
    })
  })

  it('G3: paths in phases, secrets and results are relative to the file in which they stand', async () => {
    const lifecycle = await lifecycleOf(withHead(`include: [parts/all.yaml]\n${web}`), {
      '/specs/parts/all.yaml': `lifecycle:
  phases: { folder: ../phases, init: [{ script: ./setup.sh }, { copy: { from: src, to: /src } }] }
  results: out
  secrets: { TOKEN: { file: token } }
  connection: { identityFile: id }
`,
    })
    expect(lifecycle).toMatchObject({
      phasesFolder: '/specs/phases',
      phases: { init: [{ path: '/specs/parts/setup.sh' }, { from: '/specs/parts/src' }] },
      resultsFolder: '/specs/parts/out',
      secrets: { TOKEN: { kind: 'file', path: '/specs/parts/token' } },
      connection: { identityFile: '/specs/parts/id' },
    })
  })
})

describe('a connection', () => {
  test.each([
    ['ssh', { kind: 'ssh', port: 22, user: undefined, timeoutMs: 120_000, wait: 'connection' }],
    ['agent', { kind: 'agent', timeoutMs: 120_000 }],
    ['{ jump: [me@gate.example:2222], timeout: 5m, wait: port }', { kind: 'ssh', timeoutMs: 300_000 }],
    ['{ kind: winrm, user: u, password: { env: P } }', { kind: 'winrm', port: 5986, tls: true }],
    ['{ kind: winrm, user: u, password: { env: P }, tls: false }', { port: 5985, tls: false }],
  ])('G5: %s has what belongs to its kind', async (connection, want) => {
    expect(await lifecycleOf(withLifecycle(`{ connection: ${connection} }`))).toMatchObject({
      connection: want,
    })
  })

  it('G5: what `defaults` say for another kind is passed over', async () => {
    const text = `defaults: { lifecycle: { connection: { user: root, port: 2222 } } }\n${web}    lifecycle: { connection: agent }\n`
    expect((await lifecycleOf(withHead(text))).connection).toEqual({
      kind: 'agent',
      timeoutMs: 120_000,
      wait: 'connection',
    })
  })

  test.each([
    [
      '{ kind: agent, user: root }',
      '6:45: instances.web.lifecycle.connection.user: is not for connections of kind `agent`',
    ],
    ['{ kind: winrm, password: { env: P } }', 'connection.kind: is `winrm`, which needs a `user`'],
    ['winrm', '6:30: instances.web.lifecycle.connection: is `winrm`, which needs a `password`'],
    ['{ jump: [web] }', 'connection.jump[0]: is the guest itself'],
    [
      '{ jump: [wbe] }',
      'connection.jump[0]: there is no instance of this name (Did you mean `web`? There are: web. Another machine is written with its user: `me@wbe`.)',
    ],
    ['{ jump: ["a b"] }', 'connection.jump[0]: is neither an instance nor the address of a machine'],
    ['{ jump: [me@a, me@a] }', 'connection.jump[1]: is named twice'],
    ['{ password: hunter2 }', 'warning: instances.web.lifecycle.connection.password: is a secret in clear'],
    ['telnet', 'connection: must be `ssh`, `agent`, `winrm` or a mapping with `kind`'],
    ['{ knid: ssh }', 'connection.knid: is not a field of the spec (Did you mean `kind`?'],
  ])('G5: %s is told at its place', async (connection, line) => {
    const lines = await problemLines(withLifecycle(`{ connection: ${connection} }`))
    expect(lines.join('\n')).toContain(line)
    expect(lines.join('\n')).not.toContain('hunter2')
  })

  it('G5: what is said for all ends, for a machine that stands in it, before that machine', async () => {
    const { instances } = await loadSound(
      withHead(
        'lifecycle: { connection: { jump: [me@outer, gate, inner] } }\ndefaults: { image: debian-12 }\ninstances: { gate: {}, inner: {}, leaf: {} }\n',
      ),
    )
    expect(instances.map(({ lifecycle: { connection } }) => connection)).toMatchObject([
      { jump: ['me@outer'] },
      { jump: ['me@outer', 'gate'] },
      { jump: ['me@outer', 'gate', 'inner'] },
    ])
  })

  it('G9: guests that are reached through each other are told', async () => {
    const jump = (name: string) => `{ lifecycle: { connection: { jump: [${name}] } } }`
    const lines = await problemLines(
      withHead(`defaults: { image: debian-12 }\ninstances: { a: ${jump('b')}, b: ${jump('a')} }\n`),
    )
    expect(lines).toEqual([
      expect.stringContaining(
        'instances.a.lifecycle.connection.jump: leads from a to itself, by way of b → a',
      ),
      expect.stringContaining(
        'instances.b.lifecycle.connection.jump: leads from b to itself, by way of a → b',
      ),
    ])
  })
})

test.each([
  ['{ revison: 1 }', 'lifecycle.revison: is not a field of the spec (Did you mean `revision`?'],
  ['{ revision: a b }', 'lifecycle.revision: must be `auto`, a whole number or a short text'],
  ['{ allow: [start-up] }', 'lifecycle.allow[0]: must be'],
  ['{ allow: [start-up] }', 'Did you mean `startup`?'],
  ['{ allow: [main], skip: [init] }', 'lifecycle.skip: cannot stand beside `allow` (Remove one of the two.)'],
  ['{ phases: { inti: [] } }', 'lifecycle.phases.inti: is not a field of the spec (Did you mean `init`?'],
  ['{ phases: { main: make } }', 'lifecycle.phases.main: must be a list'],
  [
    '{ phases: { main: [{ copy: { form: a, to: /a } }] } }',
    'lifecycle.phases.main[0].copy.form: is not a field of the spec (Did you mean `from`?',
  ],
  [
    '{ phases: { main: [{ shell: a, copy: { from: a, to: /a } }] } }',
    'lifecycle.phases.main[0]: is not a step',
  ],
  ['{ phases: { main: [{ shel: a }] } }', 'lifecycle.phases.main[0].shel: is not a field of the spec'],
  ['{ phases: { main: [{ wait: 5 }] } }', 'lifecycle.phases.main[0].wait: must be a duration'],
  ['{ phases: [make] }', 'lifecycle.phases: must be a folder, or a mapping of phases to steps'],
  [
    '{ environment: { A: x }, secrets: { A: { env: A } } }',
    'lifecycle.environment.A: is in `secrets` too (Remove it from one of the two.)',
  ],
  [
    '{ secrets: { "A B": { env: A } } }',
    'lifecycle.secrets."A B": is not the name of an environment variable',
  ],
  ['{ environment: { A: 1 } }', 'lifecycle.environment.A: must be a text'],
  ['{ phaseTimeout: 5 }', 'lifecycle.phaseTimeout: must be a duration with a unit'],
  ['{ shutdown: { attempts: -1 } }', 'lifecycle.shutdown.attempts: must be a whole number from 0 to 1000'],
  ['{ memory: sometimes }', 'lifecycle.memory: must be `auto` or `require` or `never`'],
])('G1: %s is told with its place and a way out', async (lifecycle, line) => {
  expect((await problemLines(withLifecycle(lifecycle))).join('\n')).toContain(line)
})

it('G1: tells all that is wrong at once', async () => {
  expect(
    await problemLines(withLifecycle('{ memory: x, revison: 1, connection: { kind: agent, port: 1 } }')),
  ).toHaveLength(3)
})

describe('a budget', () => {
  it('G7: is in MiB, CPUs and guests', async () => {
    const spec = await loadSound(withHead(`budget: { memory: 4GiB, vcpus: 6, guests: 2 }\n${web}`))
    expect(spec.budget).toEqual({ memoryMib: 4096, vcpus: 6, guests: 2 })
    expect((await loadSound(withHead(web))).budget).toEqual({
      memoryMib: undefined,
      vcpus: undefined,
      guests: undefined,
    })
  })

  test.each([
    ['{ guests: 0 }', 'budget.guests: must be a whole number from 1 to 10000'],
    ['{ memory: 4096 }', 'budget.memory: must be a size with a unit'],
    ['{ cpus: 4 }', 'budget.cpus: is not a field of the spec (Did you mean `vcpus`?'],
  ])('G7: %s is told', async (budget, line) => {
    expect((await problemLines(withHead(`budget: ${budget}\n${web}`))).join('\n')).toContain(line)
  })
})

describe('a host that is a guest', () => {
  const nested = (hosts: string, instances: string): string =>
    withHead(`hosts: ${hosts}\ninstances: ${instances}\ndefaults: { image: debian-12 }\n`)

  test.each([
    ['{ guest: inner }', 'qemu+ssh://inner/system'],
    ['{ guest: inner, uri: "qemu+ssh://root@guest:2222/system" }', 'qemu+ssh://root@guest:2222/system'],
  ])('G9: %s has the URI %s', async (host, uri) => {
    const spec = await loadSound(
      nested(`{ local: {}, deep: ${host} }`, '{ inner: { host: local }, leaf: { host: deep } }'),
    )
    expect(spec.hosts[1]).toMatchObject({ guest: 'inner', uri })
  })

  test.each([
    [
      '{ local: {}, deep: { guest: iner } }',
      '{ inner: { host: local } }',
      '3:36: hosts.deep.guest: there is no instance of this name (Did you mean `inner`? There are: inner.)',
    ],
    ['{ deep: { guest: inner } }', '{ inner: {} }', 'hosts.deep.guest: inner is on this host itself'],
    [
      '{ a: { guest: x }, b: { guest: y } }',
      '{ x: { host: b }, y: { host: a } }',
      'hosts.a.guest: runs on itself, by way of b → a',
    ],
    [
      '{ a: { guest: x }, b: { guest: y }, c: { guest: z } }',
      '{ x: { host: b }, y: { host: c }, z: { host: b } }',
      'hosts.b.guest: runs on itself, by way of c → b',
    ],
    [
      '{ local: {}, a: { guest: x } }',
      '{ x: { placement: { hosts: [local, a] } } }',
      'hosts.a.guest: x is on this host itself',
    ],
    [
      '{ local: {}, a: { guest: x, uri: "qemu:///system" } }',
      '{ x: { host: local } }',
      'hosts.a.uri: is of no use for a host that is a guest',
    ],
    [
      '{ local: {}, a: { guest: x, uri: "hyperv://n", login: { user: u, password: { env: P } } } }',
      '{ x: { host: local } }',
      'hosts.a.guest: is only for libvirt hosts',
    ],
  ])('G9: %s with %s is told', async (hosts, instances, line) => {
    expect((await problemLines(nested(hosts, instances))).join('\n')).toContain(line)
  })
})
