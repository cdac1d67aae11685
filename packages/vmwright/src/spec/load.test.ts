import { describe, expect, it, test } from 'vitest'
import { load, loadSound, problemLines, withHead } from './testing/load.ts'

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me'

describe('a minimal spec', () => {
  const minimal = withHead('instances:\n  web:\n    image: debian-12\n')

  it('X1: needs five lines and gets a local host, network, pool and image', async () => {
    const spec = await loadSound(minimal)
    expect(spec.hosts).toMatchObject([
      { name: 'local', uri: 'qemu:///system', parallel: 4, acceleration: 'require-kvm' },
    ])
    expect(spec.networks).toEqual([{ id: 'default', name: 'default', own: undefined }])
    expect(spec.pools).toEqual([
      {
        id: 'instances',
        kind: 'path',
        name: 'vmwright-instances',
        path: '/var/lib/libvirt/images/vmwright/instances',
      },
    ])
    expect(spec.images.map(({ id, sources }) => [id, sources.map((source) => source.kind)])).toEqual([
      ['debian-12', ['url', 'build']],
    ])
  })

  it('C6, C10, C12, C17: has the documented defaults', async () => {
    const [instance] = (await loadSound(minimal)).instances
    expect(instance).toMatchObject({
      name: 'web',
      group: 'web',
      vcpus: 2,
      singleSocket: true,
      memoryMib: 1024,
      machine: 'q35',
      firmware: 'uefi',
      seedBus: 'scsi',
      rootDisk: { sizeMib: 10240, mode: 'overlay', format: 'qcow2', extension: 'qcow2' },
      autostart: false,
      snapshot: { name: 'snapshot-a', description: 'initial configuration', startAfterwards: true },
      ready: { rungs: ['started', 'address', 'port', 'ssh', 'cloud-init'], port: 22 },
      cloudInit: {
        user: { name: 'debian', sudo: 'ALL=(ALL) NOPASSWD:ALL' },
        locale: 'C.UTF-8',
        packageUpdate: false,
      },
    })
  })

  it('C8: derives the MAC from project, name and position, and asks for an address by DHCP', async () => {
    const [first] = (await loadSound(minimal)).instances
    const [again] = (await loadSound(minimal)).instances
    expect(first?.interfaces).toEqual(again?.interfaces)
    expect(first?.interfaces[0]).toMatchObject({ network: 'default', dhcp4: true, addresses: [] })
    expect(first?.interfaces[0].mac).toMatch(/^52:54:00(:[0-9a-f]{2}){3}$/)
    const [other] = (await loadSound(minimal.replace('demo', 'other'))).instances
    expect(other?.interfaces[0].mac).not.toBe(first?.interfaces[0].mac)
  })

  it('keeps session hosts in the data folder of the user', async () => {
    const spec = await loadSound(`${minimal}hosts: { me: { uri: "qemu:///session" } }\n`)
    expect(spec.hosts[0]?.imageCachePath).toBe('/home/me/.local/share/vmwright/cache')
    expect(spec.pools[0]).toMatchObject({ path: '/home/me/.local/share/vmwright/instances' })
  })
})

describe('the catalogue', () => {
  it.each([
    [
      'debian-12',
      undefined,
      'https://cdimage.debian.org/cdimage/cloud/bookworm/{version}/debian-12-genericcloud-amd64.qcow2',
      'debian-12-genericcloud-amd64.qcow2',
      'latest',
    ],
    [
      'debian-13',
      '20250911-2232',
      'https://cdimage.debian.org/cdimage/cloud/trixie/{version}/debian-13-genericcloud-amd64-{version}.qcow2',
      'debian-13-genericcloud-amd64-20250911-2232.qcow2',
      '20250911-2232',
    ],
    [
      'ubuntu-24.04',
      undefined,
      'https://cloud-images.ubuntu.com/noble/{version}/noble-server-cloudimg-amd64.img',
      'noble-server-cloudimg-amd64.img',
      'current',
    ],
  ])('C1: %s at version %s is where the publisher has it', async (id, version, url, fileName, resolved) => {
    const images = version === undefined ? '' : `images: { ${id}: { version: ${version} } }\n`
    const spec = await loadSound(withHead(`${images}instances: { a: { image: ${id} } }\n`))
    expect(spec.images[0]?.sources[0]).toMatchObject({ kind: 'url', url, fileName, version: resolved })
  })

  it('checks the signature of Ubuntu where the key ring is installed', async () => {
    const text = withHead('instances: { a: { image: ubuntu-24.04 } }\n')
    const keyring = '/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg'
    const [without] = (await loadSound(text)).images
    const [installed] = (await loadSound(text, { [keyring]: new Uint8Array([1]) })).images
    expect(without?.sources[0]).toMatchObject({ signature: undefined })
    expect(installed?.sources[0]).toMatchObject({ signature: { keyring } })
  })
})

describe('groups', () => {
  test.each([
    ['count: 3', ['web-1', 'web-2', 'web-3']],
    ['count: 2\n    name: "w{index:02}x"', ['w01x', 'w02x']],
    ['names: [alice, bob]', ['alice', 'bob']],
    ['name: other', ['other']],
    ['count: 0', []],
    ['count: 1', ['web-1']],
  ])('%j has the instances %j', async (lines, names) => {
    const spec = await loadSound(withHead(`instances:\n  web:\n    image: debian-12\n    ${lines}\n`))
    expect(spec.instances.map(({ name }) => name)).toEqual(names)
  })

  it('C8: counts addresses up from a start, takes them from a list, or from an override', async () => {
    const text = (lines: string): string =>
      withHead(`instances:\n  web:\n    image: debian-12\n    count: 3\n${lines}`)
    const addresses = async (lines: string): Promise<readonly (readonly string[])[]> =>
      (await loadSound(text(lines))).instances.map(({ interfaces }) => interfaces[0].addresses)
    expect(await addresses('    address: [10.0.0.254/16, "fd00::fffe/64"]\n')).toEqual([
      ['10.0.0.254/16', 'fd00::fffe/64'],
      ['10.0.0.255/16', 'fd00::ffff/64'],
      ['10.0.1.0/16', 'fd00::1:0/64'],
    ])
    expect(
      await addresses('    addresses: [10.0.0.9/24, 10.0.0.3/24, [10.0.0.4/24, "FD00::0:1/64"]]\n'),
    ).toEqual([['10.0.0.9/24'], ['10.0.0.3/24'], ['10.0.0.4/24', 'fd00::1/64']])
    expect(
      await addresses('    address: 10.0.0.1/24\n    overrides: { web-2: { address: 10.0.0.77/24 } }\n'),
    ).toEqual([['10.0.0.1/24'], ['10.0.0.77/24'], ['10.0.0.3/24']])
  })

  it('X1: merges built in < defaults < image < group < override, mappings deeply and lists as a whole', async () => {
    const spec = await loadSound(
      withHead(`
images: { mine: { url: "https://images.example/a.qcow2", firmware: bios, machine: pc } }
defaults: { image: mine, machine: q35, vcpus: 4, cloudInit: { packages: [a, b], timezone: Europe/Berlin } }
instances:
  web:
    count: 2
    cloudInit: { packages: [c] }
    overrides: { web-2: { machine: pc-i440fx-7.2, cloudInit: { timezone: Asia/Tokyo } } }
`),
    )
    expect(spec.instances).toMatchObject([
      {
        vcpus: 4,
        machine: 'pc',
        firmware: 'bios',
        cloudInit: { packages: ['c'], timezone: 'Europe/Berlin' },
      },
      {
        vcpus: 4,
        machine: 'pc-i440fx-7.2',
        firmware: 'bios',
        cloudInit: { packages: ['c'], timezone: 'Asia/Tokyo' },
      },
    ])
  })
})

describe('includes', () => {
  it('merges included files under the including one, with paths relative to each file', async () => {
    const spec = await loadSound(withHead('include: [parts/a.yaml]\ninstances: { web: {} }\n'), {
      '/specs/parts/a.yaml':
        'include: [b.yaml]\ndefaults: { vcpus: 3, cloudInit: { user: { sshKeys: [{ file: key.pub }] } } }\n',
      '/specs/parts/b.yaml': 'defaults: { vcpus: 8, image: debian-13 }\n',
      '/specs/parts/key.pub': `# a comment\n${key}\n`,
    })
    expect(spec.instances[0]).toMatchObject({
      vcpus: 3,
      source: { kind: 'image', id: 'debian-13' },
      cloudInit: { user: { sshKeys: [key] } },
    })
  })

  test.each([
    [
      { '/specs/a.yaml': 'include: [vmwright.yaml]\n' },
      'a.yaml:1:11: include: vmwright.yaml includes itself (By way of vmwright.yaml → a.yaml → vmwright.yaml.)',
    ],
    [
      {},
      'vmwright.yaml:3:11: include: the file a.yaml cannot be read (Paths are relative to the file they stand in.)',
    ],
    [{ '/specs/a.yaml': 'vcpu: 1\n' }, 'a.yaml:1:1: vcpu: is not a field of the spec'],
    [{ '/specs/a.yaml': '- x\n' }, 'a.yaml:1:1: must be a mapping (A spec begins with `version: 1`.)'],
    [
      { '/specs/a.yaml': 'include: 7\n' },
      'a.yaml:1:10: include: must be a list of paths (Write `include: [common.yaml]`.)',
    ],
  ])('%j is a problem in its file', async (files, line) => {
    expect((await problemLines(withHead('include: [a.yaml]\n'), files)).join('\n')).toContain(line)
  })

  it('takes as long as the files, not as the ways to them', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 30 }, (_, level) => [
        `/specs/${level}.yaml`,
        `include: [${level + 1}.yaml, ${level + 1}.yaml]\n`,
      ]),
    )
    const lines = await problemLines(withHead('include: [0.yaml]\n'), { ...files, '/specs/30.yaml': '{}' })
    expect(lines.join('\n')).toContain('more than 100 files are included')
  })
})

describe('variables', () => {
  const text = withHead(`
variables:
  workers: { type: integer, default: 2 }
  release: debian-12
  on: { type: boolean, default: false }
instances:
  web:
    image: \${release}
    count: \${workers}
    autostart: \${on}
    cloudInit: { runcmd: ["echo \${release}-\${workers} $\${HOME} \${x%.*}"] }
`)

  it('replaces them by their values, typed when they stand alone', async () => {
    const spec = await loadSound(
      text,
      { '/specs/v.yaml': 'workers: 5\nrelease: debian-13\n' },
      { variables: { workers: '1', on: 'true' }, variableFiles: ['v.yaml'] },
    )
    expect(spec.instances).toMatchObject([
      {
        source: { kind: 'image', id: 'debian-13' },
        autostart: true,
        cloudInit: { runcmd: ['echo debian-13-1 ${HOME} ${x%.*}'] },
      },
    ])
  })

  test.each([
    [
      text,
      { variables: { worker: '3' } },
      'vmwright.yaml:4:1: variables: has no variable "worker" (Did you mean `workers`? There are: workers, release, on.)',
    ],
    [
      text,
      { variables: { workers: 'many' } },
      'vmwright.yaml:5:3: variables.workers: must be a whole number',
    ],
    [
      text.replace('type: integer, default: 2', 'type: integer, description: How many'),
      {},
      'vmwright.yaml:5:3: variables.workers: has no value (How many. Give it with `--var workers=…`.)',
    ],
    [
      text.replace('image: ${release}', 'image: ${relase}'),
      {},
      'vmwright.yaml:10:12: instances.web.image: uses the variable `relase`, which is not declared',
    ],
    [text, { variableFiles: ['none.yaml'] }, 'none.yaml:1:1: the file cannot be read'],
  ])('case %#: a fault has one problem at its place', async (spec, options, line) => {
    const { problems } = await load(spec, {}, options)
    expect(problems).toHaveLength(1)
    expect((await problemLines(spec, {}, options))[0]).toContain(line)
  })
})

it('returns no spec and one problem when the file is not there', async () => {
  const { spec, problems } = await load('', {}, { currentDirectory: '/elsewhere' })
  expect(spec).toBeUndefined()
  expect(problems).toMatchObject([{ file: 'vmwright.yaml', line: 1, column: 1 }])
})
