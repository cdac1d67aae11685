import { readFileSync } from 'node:fs'
import { expect, it, test } from 'vitest'
import { loadSound, problemLines, withHead } from './testing/load.ts'

const node = 'hosts: { node1: { uri: "hyperv://node1", login: { user: me, password: { env: P } } } }\n'
const hyperv = (fields: string): string =>
  withHead(`${node}images: { img: { host: Name } }\ninstances:\n  web:\n    image: img\n    ${fields}\n`)
const libvirt = (fields: string): string =>
  withHead(`instances:\n  web:\n    image: debian-12\n    ${fields}\n`)

it('X5: a spec with all that Hyper-V knows is read', async () => {
  const text = readFileSync(new URL('testing/hyperv.yaml', import.meta.url), 'utf8')
  const spec = await loadSound(text)
  expect(spec.hosts).toMatchObject([
    { uri: 'hyperv://node1.example.org', login: { user: 'vms@example.org', password: { kind: 'env' } } },
    {
      uri: 'hyperv+http://192.168.24.5:5985',
      login: { user: 'Administrator', password: { kind: 'file', path: '/specs/secrets/lab' } },
    },
  ])
  expect(spec.images.map(({ sources }) => sources)).toEqual([
    [{ kind: 'host', name: 'Windows Server 2025' }],
    [{ kind: 'host', name: 'Ubuntu 24.04' }],
  ])
  expect(spec.instances).toMatchObject([
    {
      hyperv: {
        os: 'windows',
        clustered: true,
        domainJoin: {
          domain: 'ad.example.org',
          user: 'join@ad.example.org',
          password: { kind: 'env', name: 'JOIN_PASSWORD' },
          ou: 'OU=Servers,DC=ad,DC=example,DC=org',
        },
      },
      interfaces: [{ vlan: 24 }],
      cloudInit: { user: { name: 'Administrator' } },
      ready: { rungs: ['started', 'address'] },
    },
    {
      hyperv: { os: 'linux', clustered: false, domainJoin: undefined },
      interfaces: [{ vlan: undefined }],
      cloudInit: { user: { name: 'admin' } },
    },
  ])
})

test.each([
  ['hyperv://node1', []],
  ['hyperv://node1.example.org:5986', []],
  ['hyperv+http://192.168.24.5:5985', []],
  ['hyperv://[fd00::5]', []],
  ['hyperv+https://node1', ['must be the URI of a hypervisor']],
  ['hyperv://me:pw@node1', ['must be the URI of a hypervisor']],
  ['hyperv:///', ['must be the URI of a hypervisor']],
  ['hyperv://node1/system', ['must be the URI of a hypervisor']],
])('X5: the URI %s has the problems %j', async (uri, problems) => {
  const lines = await problemLines(withHead(node.replace('hyperv://node1', uri)))
  expect(lines).toHaveLength(problems.length)
  problems.forEach((problem, index) => expect(lines[index]).toContain(problem))
})

test.each([
  [
    withHead('hosts: { a: { uri: "hyperv://a" } }\n'),
    '3:10: hosts.a: needs a `login`, because it is a Hyper-V host',
  ],
  [
    withHead('hosts: { a: { login: { user: me, password: { env: P } } } }\n'),
    '3:15: hosts.a.login: is only for Hyper-V hosts',
  ],
  [
    withHead('hosts: { a: { uri: "hyperv://a", login: { user: me } } }\n'),
    '3:34: hosts.a.login.password: is missing',
  ],
  [
    withHead(node.replace('login:', 'repairAccess: true, login:')),
    '3:42: hosts.node1.repairAccess: is only for libvirt hosts',
  ],
  [
    withHead('images: { a: { host: Name, digest: "sha256:1" } }\n').replace(
      'sha256:1',
      `sha256:${'0'.repeat(64)}`,
    ),
    '3:36: images.a.digest: cannot stand beside `host`',
  ],
  [
    withHead('images: { a: { host: Name, file: a.vhdx } }\n'),
    '3:34: images.a.file: cannot stand beside `host`',
  ],
  [withHead('images: { a: { host: "a\\\\b" } }\n'), '3:22: images.a.host: is not the name of an image'],
  [
    withHead('images: { a: { host: Name } }\ninstances: { web: { image: a } }\n'),
    '4:28: instances.web.image: is of no use on `local`, because it is an image that Hyper-V hosts have',
  ],
  [
    withHead(`${node}templates: { gold: {} }\ninstances: { web: { template: gold } }\n`),
    '5:31: instances.web.template: is of no use on `node1`, because templates are machines of libvirt hosts',
  ],
  [libvirt('os: windows'), '6:5: instances.web.os: is only for instances on Hyper-V hosts'],
  [libvirt('clustered: false'), '6:5: instances.web.clustered: is only for instances on Hyper-V hosts'],
  [
    libvirt('interfaces: [{}, { vlan: 7 }]'),
    '6:24: instances.web.interfaces[1].vlan: is only for instances on Hyper-V hosts',
  ],
  [hyperv('interfaces: [{ vlan: 4095 }]'), '8:26: instances.web.interfaces[0].vlan: must be a whole number'],
  [
    hyperv('domainJoin: { domain: ad, user: me, password: { env: P } }'),
    '8:5: instances.web.domainJoin: is only for Windows guests',
  ],
  [
    hyperv('cloudInit: { user: { name: Some One } }'),
    '8:32: instances.web.cloudInit.user.name: is not a user name',
  ],
])('X5: %j has the one problem %s', async (text, problem) => {
  const lines = await problemLines(text)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(`vmwright.yaml:${problem}`)
})

it('X5: what defaults say to instances on Hyper-V hosts does not disturb the others', async () => {
  const spec = await loadSound(
    withHead(
      `hosts: { local: {}, ${node.slice(9, -3)} }\nimages: { img: { host: Name } }\n` +
        'defaults: { os: windows, clustered: true, interfaces: [{ vlan: 3 }] }\n' +
        'instances: { a: { host: local, image: debian-12 }, b: { host: node1, image: img } }\n',
    ),
  )
  expect(spec.instances).toMatchObject([
    { hyperv: undefined, interfaces: [{ vlan: undefined }] },
    { hyperv: { os: 'windows', clustered: true }, interfaces: [{ vlan: 3 }] },
  ])
})

test.each([
  ['the password of a host', withHead(node.replace('{ env: P }', 'c4nary'))],
  ['that of a domain', hyperv('os: windows\n    domainJoin: { domain: ad, user: me, password: c4nary }')],
])('%s in clear is warned about and not shown', async (_what, text) => {
  const lines = await problemLines(text)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('password: is a secret in clear')
  expect(JSON.stringify(await loadSound(text))).not.toContain('c4nary')
})
