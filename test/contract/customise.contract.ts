import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { globSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { generateHostKeys } from '../../packages/vmwright/src/cloudinit/host-keys.ts'
import type { DiskEdit } from '../../packages/vmwright/src/hypervisor/disks.ts'
import { quoted } from '../../packages/vmwright/src/hypervisor/libvirt/guestfish/words.ts'
import { type Customisation, customiseChanges } from '../../packages/vmwright/src/identity/customise.ts'
import { sha256Hex } from '../../packages/vmwright/src/lib/hash.ts'
import { Secret } from '../../packages/vmwright/src/lib/secret.ts'
import { instanceSpec } from '../../packages/vmwright/src/testing/specs.ts'
import { openWorkspace } from '../support/workspace.ts'
import { openTestHost, uri } from './libvirt-driver-host.ts'

const tools = ['guestfish', 'qemu-img', 'dpkg-deb', 'openssl']
const missing = tools.filter((tool) => spawnSync(tool, ['--version']).error !== undefined)

const whyNot =
  missing.length > 0
    ? `scripts/setup.sh test installs what is missing: ${missing.join(', ')}`
    : globSync('/boot/vmlinu*').length === 0
      ? 'libguestfs has no kernel: scripts/setup.sh test installs one'
      : uri !== 'qemu:///system'
        ? 'the libvirt under test does not have the disks of this machine'
        : undefined

const usual = instanceSpec('node-1')
const nic = {
  ...usual.interfaces[0],
  dhcp4: false,
  addresses: ['10.10.0.11/24'],
  gateway4: '10.10.0.1',
  dns: ['10.10.0.1'],
  search: ['lab.example'],
}
const theirKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITHEM admin'
const myKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIME me'
const hostKeys = generateHostKeys('node-1')
const passwordHash = '$6$saltsaltsaltsalt$notarealhash'

const wanted = (overrides: Partial<Customisation['customise']> = {}): Customisation => ({
  instance: { name: 'node-1', interfaces: [nic], cloudInit: usual.cloudInit },
  hostKeys,
  machineId: '0123456789abcdef0123456789abcdef',
  ownKeys: [myKey],
  rootPasswordHash: undefined,
  customise: {
    rootKeys: [theirKey],
    certificates: [],
    install: [],
    remove: [],
    commands: [],
    network: 'netplan',
    interfaces: ['enp1s0'],
    ...overrides,
  },
})

/** A real image of Debian, which the tests of guests find in the cache then; every test has an overlay of its own. */
let image: string
/** A repository with one package, whose installation would start a service, served to the appliance over HTTP. */
let repository: Awaited<ReturnType<typeof openRepository>>
beforeAll(async () => {
  if (whyNot !== undefined) return
  repository = await openRepository()
  image = await pullImage()
}, 600_000)
afterAll(() => repository?.[Symbol.asyncDispose]())
beforeEach(({ skip }) => {
  skip(whyNot !== undefined, whyNot)
})

it('K7: the disk of an image becomes the machine of the spec, twice the same, and the image stays', async () => {
  await using test = await openTestHost('customise')
  const before = sha256Hex(await readFile(image))
  const { edit, root } = await overlayIn(test)
  const changes = customiseChanges({
    ...wanted({
      certificates: [{ name: 'lab-ca', pem: repository.certificate }],
      install: ['vmwright-probe'],
      remove: ['qemu-guest-agent', 'not-installed-at-all'],
      commands: [
        'hostname -f >/dev/null; cat /etc/hostname >/root/said',
        'sleep 1000 & echo $! >/root/left',
        'ls /boot/efi | grep -qi efi',
      ],
    }),
    rootPasswordHash: new Secret(passwordHash),
  })
  const prepared = Object.entries({
    '/etc/apt/sources.list': `deb [trusted=yes] http://169.254.2.2:${repository.port} ./\n`,
    // update-ca-certificates spends seconds on each hundred of these in an emulated machine.
    '/etc/ca-certificates.conf': '',
  }).map(([path, content]) => ({ kind: 'write', path, content, mode: 0o644 }) as const)
  const told: string[] = []
  const progress = test.progress.child({
    report: ({ what }) => void told.push(what ?? ''),
  })
  const again = changes.filter(
    (change) =>
      change.kind === 'remove' || (change.kind === 'write' && !change.path.startsWith('/.vmwright')),
  )
  await test.host.editDisks(progress, edit([...prepared, ...changes, ...again]))

  const seen = witness(root)
  expect(seen('hostname')).toEqual(['node-1'])
  expect(seen('hosts')).toContain('127.0.1.1 node-1.lab.example node-1')
  expect(seen('machine-id')).toEqual(['0123456789abcdef0123456789abcdef'])
  expect(seen('root keys')).toEqual([myKey, theirKey])
  expect(seen('modes')).toEqual(['40700', '100600', '100600'])
  expect(seen('host keys')).toEqual(
    ['ecdsa', 'ed25519'].flatMap((type) => [`ssh_host_${type}_key`, `ssh_host_${type}_key.pub`]),
  )
  expect(seen('sshd')).toContain('permitrootlogin without-password')
  expect(seen('sshd')).toContain('pubkeyauthentication yes')
  expect(seen('netplan')).toEqual(['99-vmwright.yaml'])
  expect(seen('yaml').join('\n')).toContain('- 10.10.0.11/24')
  expect(seen('trusted')).toEqual(['/etc/ssl/certs/lab-ca.pem: OK'])
  expect(seen('packages')).toEqual(['vmwright-probe install ok installed'])
  expect(seen('service')).toEqual(['action denied by policy'])
  expect(seen('said')).toEqual(['node-1'])
  expect(seen('shadow')).toEqual([passwordHash])
  expect(seen('scratch')).toEqual([])
  expect(seen('resolv.conf')).toEqual(['../run/systemd/resolve/stub-resolv.conf'])
  expect(seen('console').join(' ')).toContain('console=ttyS0,115200')
  expect(seen('size')).toEqual(['grown'])
  expect(told).toContain(`install vmwright-probe in the disks of ${test.prefix}node-1`)
  expect(sha256Hex(await readFile(image))).toBe(before)
}, 1_200_000)

it('K7: a command that fails tells itself, its status and what it said last', async () => {
  await using test = await openTestHost('customise-fails')
  const { edit } = await overlayIn(test)
  const command = 'for n in $(seq 40); do echo line $n; done; echo no such thing >&2; exit 7'
  const failing = test.host.editDisks(test.progress, edit([{ kind: 'run', command }]))
  await expect(failing).rejects.toMatchObject({
    code: 'disk.edit-failed',
    message: expect.stringMatching(/run `for n in .*` .*status 7.*line 40\nno such thing$/s),
    details: { status: 7, output: expect.not.stringContaining('line 20\n') },
  })
}, 600_000)

type TestHost = Awaited<ReturnType<typeof openTestHost>>

async function overlayIn({ host, progress, folder, prefix }: TestHost) {
  const pool = `${prefix}pool`
  const root = join(folder, 'root.qcow2')
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', image, root, '6G'])
  await host.ensurePool(progress, { name: pool, path: folder })
  const edit = (changes: DiskEdit['changes']): DiskEdit => ({
    vm: `${prefix}node-1`,
    disks: [{ volume: { pool, name: 'root.qcow2' }, format: 'qcow2' }],
    acceleration: 'emulation',
    root: 'grow',
    changes,
  })
  return { edit, root }
}

/** What is on the disk, told by libguestfs's own client; by titles. */
function witness(root: string): (title: string) => readonly string[] {
  const script = Object.entries(questions)
    .map(([title, question]) => `echo "== ${title}"\n${question}\n`)
    .join('')
  const lines = execFileSync('guestfish', ['--ro', '--format=qcow2', '-a', root], {
    input: `run\nmount /dev/sda1 /\n${script}echo "== end"\n`,
    encoding: 'utf8',
    env: { ...process.env, LIBGUESTFS_BACKEND: 'direct', LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' },
  }).split('\n')
  return (title) => {
    const start = lines.indexOf(`== ${title}`)
    const end = lines.findIndex((line, index) => index > start && line.startsWith('== '))
    return lines.slice(start + 1, end).filter((line) => line !== '')
  }
}

const inGuest = (command: string): string => `sh ${quoted(command)}`

const questions: Readonly<Record<string, string>> = {
  hostname: 'cat /etc/hostname',
  hosts: 'cat /etc/hosts',
  'machine-id': 'cat /etc/machine-id',
  'root keys': 'cat /root/.ssh/authorized_keys',
  modes: ['/root/.ssh', '/root/.ssh/authorized_keys', '/etc/ssh/ssh_host_ed25519_key']
    .map((path) => `stat ${path} | awk '/^mode/ { printf "%o\\n", $2 }'`)
    .join('\n'),
  'host keys': 'glob-expand /etc/ssh/ssh_host_* | sed s,.*/,,',
  sshd: inGuest('mkdir -p /run/sshd; sshd -T | grep ^p'),
  netplan: 'ls /etc/netplan',
  yaml: 'cat /etc/netplan/99-vmwright.yaml',
  trusted: inGuest('openssl verify /etc/ssl/certs/lab-ca.pem'),
  packages: inGuest(
    "dpkg-query -W -f '${Package} ${Status}\\n' vmwright-probe; dpkg -s qemu-guest-agent 2>/dev/null || true",
  ),
  service: 'cat /root/service',
  said: 'cat /root/said',
  shadow: inGuest('grep ^root: /etc/shadow | cut -d: -f2'),
  scratch: 'glob-expand /.vmwright*\nglob-expand /usr/sbin/policy-rc.d',
  'resolv.conf': 'readlink /etc/resolv.conf',
  console: 'cat /etc/default/grub',
  size: inGuest('[ $(df --output=size -m / | tail -n 1) -gt 5000 ] && echo grown'),
}

/** Builds it from packages where the cache has none. */
async function pullImage(): Promise<string> {
  await using space = await openWorkspace('customise')
  await space.spec('vmwright.yaml', {
    version: 1,
    project: 'customise',
    hosts: { local: { acceleration: 'emulate' } },
    images: { base: { build: { distribution: 'debian', suite: 'bookworm', packages: ['ifupdown'] } } },
    instances: { node: { image: 'base' } },
  })
  const pulled = await space.vmwright(['images', 'pull'])
  expect(pulled).toMatchObject({ code: 0 })
  const { stdout } = await space.vmwright(['images', 'list', '--json'])
  const [cache] = JSON.parse(stdout) as [
    { readonly images: readonly [{ readonly cached: { readonly path: string } }] },
  ]
  return cache.images[0].cached.path
}

async function openRepository() {
  const folder = await mkdtemp('/var/tmp/vmwright-repository-')
  const at = (...path: readonly string[]): string => join(folder, ...path)
  const run = (program: string, ...words: readonly string[]): void => {
    execFileSync(program, words, { cwd: folder, stdio: 'pipe' })
  }
  run(
    'openssl',
    'req',
    '-x509',
    '-newkey',
    'ed25519',
    '-nodes',
    '-subj',
    '/CN=Lab CA',
    '-keyout',
    'key',
    '-out',
    'ca',
  )
  const control =
    'Package: vmwright-probe\nVersion: 1\nArchitecture: all\nMaintainer: Lab <lab@lab.example>\nDescription: probe\n'
  run('mkdir', '-p', 'tree/DEBIAN')
  await writeFile(at('tree/DEBIAN/control'), control)
  await writeFile(at('tree/DEBIAN/postinst'), postinst, { mode: 0o755 })
  run('dpkg-deb', '--root-owner-group', '-Zgzip', '--build', 'tree', 'probe.deb')
  const deb = await readFile(at('probe.deb'))
  const files = new Map<string, Uint8Array>([
    ['/./probe.deb', deb],
    ['/probe.deb', deb],
    [
      '/./Packages',
      Buffer.from(`${control}Filename: ./probe.deb\nSize: ${deb.length}\nSHA256: ${sha256Hex(deb)}\n`),
    ],
  ])
  const server = createServer(({ url = '' }, response) => {
    const file = files.get(url) ?? files.get(url.replace(/^\//, '/./'))
    response.writeHead(file === undefined ? 404 : 200).end(file)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    certificate: await readFile(at('ca'), 'utf8'),
    async [Symbol.asyncDispose]() {
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** invoke-rc.d(8) asks policy-rc.d, and does what it says. */
const postinst = `#!/bin/sh
set -e
if [ -x /usr/sbin/policy-rc.d ] && ! /usr/sbin/policy-rc.d probe start; then
  echo action denied by policy >/root/service
else
  echo started >/root/service
fi
`
