import { expect, it } from 'vitest'
import type { FileChange } from '../hypervisor/disks.ts'
import { Secret } from '../lib/secret.ts'
import type { CustomiseSpec } from '../spec/resolved-places.ts'
import { instanceSpec } from '../testing/specs.ts'
import { type Customisation, customiseChanges } from './customise.ts'

const usual = instanceSpec('node-1')
const chain = ['first', 'second']
  .map((text) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`)
  .join('')

const changesOf = (
  customise: Partial<CustomiseSpec> = {},
  rest: Partial<Customisation> = {},
): readonly FileChange[] =>
  customiseChanges({
    instance: usual,
    hostKeys: [{ type: 'ed25519', privateKey: new Secret('PRIVATE\n'), publicKey: 'ssh-ed25519 AAAA host' }],
    machineId: '0123456789abcdef0123456789abcdef',
    ownKeys: ['ssh-ed25519 AAAA me'],
    rootPasswordHash: undefined,
    customise: {
      rootKeys: ['ssh-ed25519 BBBB admin'],
      certificates: [],
      install: [],
      remove: [],
      commands: [],
      network: 'ifupdown',
      interfaces: ['enp1s0'],
      ...customise,
    },
    ...rest,
  })

/** As a reader would tell them: what is written, what is run. */
const told = (changes: readonly FileChange[]): readonly string[] =>
  changes.flatMap((change) => {
    if (change.kind === 'run') return [`run ${change.title ?? change.command}`]
    return change.kind === 'write' ? [change.path] : []
  })
const writtenTo = (changes: readonly FileChange[], path: string) =>
  changes.filter((change) => change.kind === 'write').find((change) => change.path === path)
const scripts = (changes: readonly FileChange[]): readonly string[] =>
  changes.flatMap((change) => (change.kind === 'run' ? [change.command] : []))

it('K7: the order is trust, packages, access, commands', () => {
  const order = told(
    changesOf({
      certificates: [{ name: 'lab-ca', pem: chain.slice(0, chain.length / 2) }],
      remove: ['cloud-init'],
      install: ['nginx', 'curl'],
      commands: ['systemctl enable nginx'],
    }),
  )
  const wanted = [
    '/etc/hostname',
    '/usr/local/share/ca-certificates/lab-ca.crt',
    'run trust lab-ca',
    'run remove cloud-init',
    'run install nginx, curl',
    '/etc/ssh/ssh_host_ed25519_key',
    '/root/.ssh/authorized_keys',
    '/etc/network/interfaces',
    '/etc/ssh/sshd_config.d/00-vmwright.conf',
    'run systemctl enable nginx',
  ]
  expect(order.filter((each) => wanted.includes(each))).toEqual(wanted)
})

it('K7: root gets the keys of the spec and one’s own, in a file that is root’s alone', () => {
  const keys = writtenTo(changesOf(), '/root/.ssh/authorized_keys')
  expect(keys).toMatchObject({
    content: 'ssh-ed25519 AAAA me\nssh-ed25519 BBBB admin\n',
    mode: 0o600,
    ownerOf: '/root',
  })
  expect(told(changesOf()).filter((path) => path.startsWith('/home'))).toEqual([])
})

it('K7: without cloud-init, and nothing run where nothing is asked', () => {
  expect(writtenTo(changesOf(), '/etc/cloud/cloud-init.disabled')).toMatchObject({ onlyIf: '/etc/cloud' })
  expect(scripts(changesOf())).toEqual([])
})

it('K7: each certificate of a chain has a file, in whatever folder the system looks', () => {
  const paths = told(changesOf({ certificates: [{ name: 'lab', pem: chain }] })).filter((path) =>
    path.includes('lab-'),
  )
  expect(paths).toHaveLength(8)
  expect(paths).toContain('/etc/pki/ca-trust/source/anchors/lab-1.crt')
  const second = writtenTo(
    changesOf({ certificates: [{ name: 'lab.pem', pem: chain }] }),
    '/usr/local/share/ca-certificates/lab-2.crt',
  )
  expect(second).toMatchObject({
    content: '-----BEGIN CERTIFICATE-----\nsecond\n-----END CERTIFICATE-----\n',
    onlyIf: '/usr/local/share/ca-certificates',
  })
})

it('K7: names of packages stay words, whatever is in them', () => {
  const [script = ''] = scripts(changesOf({ install: ["a'; reboot #", '$(id)'] }))
  expect(script.split('\n')[0]).toBe(`set -- 'a'\\''; reboot #' '$(id)'`)
})

it('K10: root’s password is set from a file that goes again, and its hash is in no command', () => {
  const changes = changesOf({}, { rootPasswordHash: new Secret('$6$salt$hash') })
  const file = writtenTo(changes, '/.vmwright-root-password')
  expect(file).toMatchObject({ mode: 0o600, content: expect.any(Secret) })
  expect(file?.content).toHaveProperty('reveal')
  expect(String(file?.content)).toBe('***')
  expect(scripts(changes).join('\n')).toContain('rm -f /.vmwright-root-password')
  expect(JSON.stringify(changes)).not.toContain('$6$')
})
