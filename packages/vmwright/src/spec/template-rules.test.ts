import { expect, test } from 'vitest'
import { load, problemLines, withClone, withHead } from './testing/load.ts'

const top = (lines: string): string => withHead(`${lines}\n`)

const refused: readonly (readonly [row: string, spec: string, problem: string])[] = [
  [
    'T1',
    top('cloning: { mode: paralel }'),
    '3:18: cloning.mode: must be `auto` or `sequential` or `parallel` (Did you mean `parallel`?)',
  ],
  ['T1', top('cloning: { parallel: 0 }'), '3:22: cloning.parallel: must be a whole number from 1 to 64'],
  [
    'T1',
    top('cloning: { paralel: 2 }'),
    '3:12: cloning.paralel: is not a field of the spec (Did you mean `parallel`?',
  ],
  [
    'T2',
    top('pools: { p: { path: /srv/vms } }\ncloning: { workspace: /srv//vms/ }'),
    '4:23: cloning.workspace: is the folder of the pool `p` (Give it a folder of its own',
  ],
  [
    'T2',
    top('pools: { p: { path: /srv/vms } }\ncloning: { workspace: /srv/x/../vms/work }'),
    '4:23: cloning.workspace: lies in the folder of the pool `p` (/srv/vms)',
  ],
  [
    'T2',
    top('pools: { p: { path: /srv/vms } }\ncloning: { workspace: /srv }'),
    '4:23: cloning.workspace: has in it the folder of the pool `p` (/srv/vms)',
  ],
  [
    'T2',
    top('pools: { p: { path: /srv/vms } }\ncloning: { workspace: / }'),
    '4:23: cloning.workspace: has in it the folder of the pool `p`',
  ],
  [
    'T2',
    top('cloning: { workspace: /var/lib/libvirt/images/vmwright/instances }'),
    '3:23: cloning.workspace: is the folder of the pool `instances`',
  ],
  [
    'T2',
    top('hosts: { a: { imageCache: /srv/cache } }\ncloning: { workspace: /srv/cache/w }'),
    '4:23: cloning.workspace: lies in the folder of the image cache of the host `a` (/srv/cache)',
  ],
  [
    'T2',
    top('templates: { gold: { disks: [/w/a.qcow2] } }\ncloning: { workspace: /w }'),
    '3:30: templates.gold.disks[0]: lies in the workspace of `cloning`, which is emptied',
  ],
  ['T2', top('cloning: { workspace: work }'), '3:23: cloning.workspace: must be an absolute path'],
  [
    'T3',
    top('templates: { gold: { disk: [/a] } }'),
    '3:22: templates.gold.disk: is not a field of the spec (Did you mean `disks`?',
  ],
  ['T3', top('templates: { gold: { disks: [] } }'), '3:29: templates.gold.disks: must have at least 1'],
  [
    'T3',
    top('templates: { gold: { disks: [a.qcow2] } }'),
    '3:30: templates.gold.disks[0]: must be an absolute path',
  ],
  [
    'T3',
    top('templates: { gold: { disks: [/a, /b, //a] } }'),
    '3:38: templates.gold.disks[2]: is listed twice',
  ],
  [
    'T3',
    top('templates: { a: { disks: [/a] }, b: { disks: [/b, /a] } }'),
    '3:51: templates.b.disks[1]: is a disk of the template `a` too, which is another machine',
  ],
  ['T3', top('templates: { a: { domain: x/y } }'), '3:27: templates.a.domain: is not the name of a machine'],
  ['T3', top('templates: { "a b": {} }'), '3:14: templates."a b": is not a usable name'],
  [
    'T3',
    top('templates: { a: { whenRunning: shutdown } }'),
    '3:32: templates.a.whenRunning: must be `refuse` or `shut-down` (Did you mean `shut-down`?)',
  ],
  ['T5', top('templates: { gold: { os: fedora } }'), '3:26: templates.gold.os: must be `debian` or `ubuntu`'],
  [
    'T5',
    top('templates: { gold: { interfaces: [enp1s0, enp1s0] } }'),
    '3:43: templates.gold.interfaces[1]: is named twice',
  ],
  [
    'T5',
    top('templates: { gold: { interfaces: [enp1s0/1] } }'),
    '3:35: templates.gold.interfaces[0]: is not an interface name',
  ],
  ['T9', top('hosts: { a: { runtimeUser: Root } }'), '3:28: hosts.a.runtimeUser: is not a user name'],
  [
    'T9',
    top('hosts: { a: { repairAcces: true } }'),
    '3:15: hosts.a.repairAcces: is not a field of the spec (Did you mean `repairAccess`?',
  ],
]

test.each(refused)('%s: %j has the one problem %s', async (_row, spec, problem) => {
  const lines = await problemLines(spec)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(`vmwright.yaml:${problem}`)
  expect((await load(spec)).spec).toBeUndefined()
})

test.each([
  [
    'T5',
    top('templates: { gold: { identity: cloud-init, network: netplan } }'),
    '3:53: warning: templates.gold.network: has no effect with `identity: cloud-init`',
  ],
  [
    'T5',
    withClone('guest: { network: netplan }', 'templates: { gold: { identity: cloud-init } }\n'),
    '7:5: warning: instances.web.guest: has no effect on a clone with `identity: cloud-init`',
  ],
  [
    'T3',
    top('templates: { gold: { restart: true } }'),
    '3:31: warning: templates.gold.restart: has no effect, because the template is never shut down',
  ],
])('%s: %j has the one warning %s', async (_row, spec, problem) => {
  const { spec: loaded } = await load(spec)
  const lines = await problemLines(spec)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(`vmwright.yaml:${problem}`)
  expect(loaded).toBeDefined()
})

test.each([
  ['T2', top('pools: { p: { path: /srv/vms }, q: { use: default } }\ncloning: { workspace: /srv/vms2 }')],
  ['T3', top('templates: { a: { domain: vm, disks: [/a] }, b: { domain: vm, disks: [/a], os: ubuntu } }')],
])('%s: %j is accepted', async (_row, spec) => {
  expect(await problemLines(spec)).toEqual([])
})
