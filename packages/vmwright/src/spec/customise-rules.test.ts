import { expect, it, test } from 'vitest'
import { loadSound, problemLines, withHead } from './testing/load.ts'

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me'

/** Self-signed, of nobody. */
const pem = `${[
  '-----BEGIN CERTIFICATE-----',
  'MIIBcjCCARmgAwIBAgIUdW2+rQi03xgC0ZTimmxELLnzQgYwCgYIKoZIzj0EAwIw',
  'DjEMMAoGA1UEAwwDbGFiMCAXDTI2MTEyMTE0MzM0OVoYDzIxMjYxMDI4MTQzMzQ5',
  'WjAOMQwwCgYDVQQDDANsYWIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARtS89I',
  'NDrdXR2QxTiVRUzkkxRnl+ngt3muN3skp4UOAFVMnPRR1vejLiBSjWNZmq6fUq4g',
  'LDLaff2Sd9rI0HDxo1MwUTAdBgNVHQ4EFgQUHKpbS/CkZc+OdV6csxHJQYAdgXEw',
  'HwYDVR0jBBgwFoAUHKpbS/CkZc+OdV6csxHJQYAdgXEwDwYDVR0TAQH/BAUwAwEB',
  '/zAKBggqhkjOPQQDAgNHADBEAiAdO1Bc22L2VGiCkiyA+gKTWJU7N04tRlWgQoXA',
  'XGJHKgIgEJG3J6hrgkBF/x8TEsyRYT4I+b6XTB+blIfY+VGw0sg=',
  '-----END CERTIFICATE-----',
].join('\n')}\n`

const files = {
  '/specs/lab.pem': pem,
  '/specs/chain.crt': `${pem}# the one above again\r\n${pem.replaceAll('\n', '\r\n')}`,
  '/specs/other/lab.crt': pem,
  '/specs/secret.pem': `${pem}-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n`,
  '/specs/text.pem': 'certificate\n',
  '/specs/me.pub': `${key}\n`,
}

/** An instance `web` with `customise: {}`, and other fields from column 43 of line 4 on. */
const customised = (fields: string): string =>
  withHead(`instances:\n  web: { image: debian-12, customise: {}, ${fields} }\n`)

/** The same with fields of `customise`, from column 41 on. */
const customise = (fields: string): string =>
  withHead(`instances:\n  web: { image: debian-12, customise: { ${fields} } }\n`)

/** Row, spec, and the only problem. */
const refused: readonly (readonly [row: string, spec: string, problem: string])[] = [
  [
    'K7',
    customise('rootKeys: [ssh-rsa nope]'),
    '4:52: instances.web.customise.rootKeys[0]: is not an SSH public key',
  ],
  [
    'K7',
    customise('rootKeys: [{ file: no.pub }]'),
    '4:60: instances.web.customise.rootKeys[0].file: the file /specs/no.pub cannot be read',
  ],
  [
    'K7',
    customise('certificates: [no.pem]'),
    '4:56: instances.web.customise.certificates[0]: the file /specs/no.pem cannot be read',
  ],
  [
    'K7',
    customise('certificates: [text.pem]'),
    '4:56: instances.web.customise.certificates[0]: has no certificate in PEM form',
  ],
  [
    'K7',
    customise('certificates: [secret.pem]'),
    '4:56: instances.web.customise.certificates[0]: has a private key in it',
  ],
  [
    'K7',
    customise('certificates: [lab.pem, other/lab.crt]'),
    '4:65: instances.web.customise.certificates[1]: would have the name of lab.pem in the guest',
  ],
  [
    'K7',
    customise('install: [-y]'),
    '4:51: instances.web.customise.install[0]: is not the name of a package',
  ],
  [
    'K7',
    customise('install: [a], remove: [a]'),
    '4:64: instances.web.customise.remove[0]: is in `install` too',
  ],
  [
    'K7',
    customise('network: networkd'),
    '4:50: instances.web.customise.network: must be `ifupdown` or `netplan`',
  ],
  [
    'K7',
    customise('interfaces: [ens3, ens3]'),
    '4:60: instances.web.customise.interfaces[1]: is named twice',
  ],
  [
    'K7',
    customised('cloudInit: { packages: [curl] }'),
    '4:56: instances.web.cloudInit.packages: needs cloud-init, and `customise` takes its place',
  ],
  [
    'K7',
    customised('cloudInit: { user: { name: me } }'),
    '4:56: instances.web.cloudInit.user: needs cloud-init',
  ],
  ['K7', customised('seedBus: sata'), '4:43: instances.web.seedBus: needs cloud-init'],
  [
    'K7',
    customised('extraDisks: [{ size: 1GiB, mount: { path: /srv } }]'),
    '4:70: instances.web.extraDisks[0].mount: needs cloud-init',
  ],
  ['K7', customised('ready: { rungs: [cloud-init] }'), '4:52: instances.web.ready.rungs: has `cloud-init`'],
  [
    'K7',
    customised('interfaces: [{ rename: lan0 }]'),
    '4:58: instances.web.interfaces[0].rename: cannot be said of an instance with `customise`',
  ],
  [
    'K7',
    withHead(
      'instances:\n  web: { image: debian-12, customise: { network: ifupdown }, interfaces: [{}, {}] }\n',
    ),
    '4:79: instances.web.interfaces[1]: has no name in the guest, and ifupdown needs one',
  ],
  [
    'K7',
    customised('cloudInit: { injectOwnKey: false }'),
    '4:70: warning: instances.web.cloudInit.injectOwnKey: leaves no way to log in',
  ],
  [
    'K7',
    withHead('templates: { gold: {} }\ninstances:\n  web: { template: gold, customise: {} }\n'),
    '5:26: instances.web.customise: is only for instances of an image',
  ],
  [
    'K7',
    withHead(
      'hosts: { h: { uri: "hyperv://h", login: { user: me, password: { env: P } } } }\ninstances:\n  web: { image: debian-12, customise: {} }\n',
    ),
    '5:28: instances.web.customise: is only for instances on libvirt hosts',
  ],
]

test.each(refused)('%s: %j has the one problem %s', async (_row, spec, problem) => {
  const lines = await problemLines(spec, files)
  expect(lines).toEqual([expect.stringContaining(`vmwright.yaml:${problem}`)])
})

it('K7: an image without cloud-init says how its instances are made, and an instance what is other', async () => {
  const spec = await loadSound(
    withHead(`
images:
  k: { file: k.qcow2, customise: { certificates: [lab.pem, chain.crt], remove: [cloud-init], network: ifupdown } }
defaults:
  image: k
  customise: { install: [python3] }
  cloudInit: { packages: [curl], user: { name: me }, rootPassword: { env: ROOT } }
instances:
  web: { customise: { rootKeys: [{ file: me.pub }], commands: [systemctl enable x], interfaces: [enp1s0, enp2s0] } }
`),
    files,
  )
  expect(spec.instances).toMatchObject([
    {
      source: {
        kind: 'image',
        id: 'k',
        customise: {
          rootKeys: [key],
          certificates: [
            { name: 'lab', pem },
            { name: 'chain', pem: `${pem}${pem}` },
          ],
          install: ['python3'],
          remove: ['cloud-init'],
          commands: ['systemctl enable x'],
          network: 'ifupdown',
          interfaces: ['enp1s0', 'enp2s0'],
        },
      },
      cloudInit: {
        user: { name: 'root', sshKeys: [] },
        injectOwnKey: true,
        rootPassword: { kind: 'env', name: 'ROOT' },
        disableRoot: false,
        packages: [],
      },
      ready: { rungs: ['started', 'address', 'port', 'ssh'] },
    },
  ])
})

it('K7: an instance without `customise` is made by cloud-init', async () => {
  const spec = await loadSound(withHead('instances: { web: { image: debian-12 } }\n'))
  expect(spec.instances[0]?.source).toEqual({ kind: 'image', id: 'debian-12', customise: undefined })
})
