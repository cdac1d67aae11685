import { expect, it, test } from 'vitest'
import { goldTemplate, load, problemLines, withClone, withHead } from './testing/load.ts'

const top = (lines: string): string => withHead(`${lines}\n`)
const twins = 'templates: { gold: { domain: vm }, other: { domain: vm } }\n'

const refused: readonly (readonly [row: string, spec: string, problem: string])[] = [
  [
    'T4',
    top('templates: { gold: { domain: golden } }\ninstances: { web: { template: goldn } }'),
    '4:31: instances.web.template: there is no template of this name (Did you mean `gold`? There are: gold, golden.)',
  ],
  [
    'T4',
    top('instances: { web: { template: gold } }'),
    '3:31: instances.web.template: there is no template of this name (There are none.)',
  ],
  [
    'T4',
    top(`${twins}instances: { web: { template: vm } }`),
    '4:31: instances.web.template: is the machine of 2 templates (Write the key of the one that is meant: gold, other.)',
  ],
  ['T4', withClone('image: debian-12'), '6:5: instances.web.template: cannot stand beside `image`'],
  [
    'T4',
    top(`${goldTemplate}instances: { web: {} }`),
    '4:14: instances.web: needs an `image` or a `template` (Add `image:` here or in `defaults`. There are: debian-12, debian-13, ubuntu-24.04. Or `template:`; there are: gold.)',
  ],
  [
    'T4',
    top(`${goldTemplate}instances: { golden: { template: gold } }`),
    '4:14: instances.golden: the name golden is that of the machine of the template `gold`',
  ],
  [
    'T4',
    top(`${goldTemplate}instances: { web: { names: [a, Golden], template: golden } }`),
    '4:32: instances.web.names[1]: the name Golden is that of the machine of the template `gold`',
  ],
  [
    'T4',
    top(`${goldTemplate}instances: { golden: { image: debian-12 } }`),
    '4:14: instances.golden: the name golden is that of the machine of the template `gold`',
  ],
  ...['machine: pc', 'firmware: bios', 'secureBoot: true'].map(
    (field) =>
      [
        'T4',
        withClone(field),
        `7:5: instances.web.${field.split(':')[0]}: cannot be said of a clone, which has it from its template`,
      ] as const,
  ),
  [
    'T4',
    withClone('rootDisk: { size: 2GiB, mode: overlay }'),
    '7:29: instances.web.rootDisk.mode: cannot be said of a clone',
  ],
  [
    'T4',
    withClone('rootDisk: { format: raw }'),
    '7:17: instances.web.rootDisk.format: cannot be said of a clone',
  ],
  [
    'T4',
    withClone('rootDisk: { extension: .img }'),
    '7:28: instances.web.rootDisk.extension: must be letters and digits',
  ],
  [
    'T4',
    withClone('rootDisk: { size: 1MiB }'),
    '7:23: instances.web.rootDisk.size: is too small for a system',
  ],
  [
    'T4',
    withClone('extraDisks: [{ size: 1GiB }]'),
    '7:5: instances.web.extraDisks: cannot be given to a clone',
  ],
  [
    'T4',
    top('instances: { web: { image: debian-12, clone: overlay } }'),
    '3:39: instances.web.clone: is only for clones',
  ],
  [
    'T4',
    withClone('clone: overlya'),
    '7:12: instances.web.clone: must be `auto` or `copy` or `reflink` or `overlay` (Did you mean `overlay`?)',
  ],
  [
    'T5',
    top('instances: { web: { image: debian-12, guest: { network: netplan } } }'),
    '3:39: instances.web.guest: is only for clones',
  ],
  [
    'T5',
    withClone('guest: { interfaces: [a, b, a] }'),
    '7:33: instances.web.guest.interfaces[2]: is named twice',
  ],
  [
    'T5',
    withClone('guest: { netwrok: netplan }'),
    '7:14: instances.web.guest.netwrok: is not a field of the spec (Did you mean `network`?',
  ],
  [
    'T5',
    withClone('interfaces: [{}, {}]'),
    '7:22: instances.web.interfaces[1]: has no name in the guest, and ifupdown needs one',
  ],
  [
    'T5',
    withClone('interfaces: [{ rename: lan0 }]'),
    '7:20: instances.web.interfaces[0].rename: cannot be said of a clone with `identity: offline`',
  ],
  [
    'T5',
    withClone('cloudInit: { packages: [curl] }'),
    '7:18: instances.web.cloudInit.packages: needs cloud-init, and the template `gold` has `identity: offline`',
  ],
  [
    'T5',
    withClone('cloudInit: { user: { name: a, shell: /bin/sh } }'),
    '7:35: instances.web.cloudInit.user.shell: needs cloud-init',
  ],
  ['T5', withClone('seedBus: sata'), '7:5: instances.web.seedBus: needs cloud-init'],
  [
    'T5',
    withClone('ready: { rungs: [started, cloud-init] }'),
    '7:14: instances.web.ready.rungs: has `cloud-init`, which the template `gold`',
  ],
]

test.each(refused)('%s: %j has the one problem %s', async (_row, spec, problem) => {
  const lines = await problemLines(spec)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(`vmwright.yaml:${problem}`)
  expect((await load(spec)).spec).toBeUndefined()
})

test.each([
  ['T4', top(`${twins}instances: { web: { template: other } }`)],
  [
    'T4',
    top(
      `hosts: { a: {}, b: {} }\n${goldTemplate}instances: { web: { host: a, template: gold }, golden: { host: b, image: debian-12 } }`,
    ),
  ],
  ['T5', withClone('interfaces: [{}, {}]\n    guest: { interfaces: [a, b] }')],
  ['T5', withClone('interfaces: [{}, {}]', 'templates: { gold: { network: netplan } }\n')],
  [
    'T5',
    withClone('cloudInit: { packages: [curl] }\n    interfaces: [{ rename: lan0 }, {}]').replace(
      'domain: golden',
      'identity: cloud-init',
    ),
  ],
  ['T5', withClone('cloudInit: { injectOwnKey: true, user: { name: ops, sshKeys: [] } }')],
])('%s: %j is accepted', async (_row, spec) => {
  expect(await problemLines(spec)).toEqual([])
})

it('T4: tells what a clone cannot have once, however many instances say it', async () => {
  expect(await problemLines(withClone('machine: pc\n    count: 20'))).toHaveLength(1)
})

it('a faulty template or pick causes no second problem', async () => {
  expect(await problemLines(withClone('vcpus: 1', 'templates: { gold: [] }\n'))).toHaveLength(1)
  expect(
    await problemLines(
      withHead(
        `${goldTemplate}defaults: { image: debian-12 }\ninstances: { web: { template: [1], clone: copy, guest: { network: netplan } } }\n`,
      ),
    ),
  ).toHaveLength(1)
})
