import { expect, it, test } from 'vitest'
import { loadSound, problemLines, withClone, withHead, withInstance } from './testing/load.ts'

test.each([
  ['architecture: aarch64', { machine: 'virt', firmware: 'uefi', processor: { architecture: 'aarch64' } }],
  ['architecture: armv7l', { machine: 'virt', firmware: 'uefi' }],
  ['architecture: riscv64', { machine: 'virt', firmware: 'uefi' }],
  ['architecture: ppc64le', { machine: 'pseries', firmware: 'bios' }],
  ['architecture: s390x', { machine: 's390-ccw-virtio', firmware: 'bios' }],
  ['architecture: x86_64', { machine: 'q35', firmware: 'uefi', processor: { architecture: 'x86_64' } }],
  ['cpu: Skylake-Server', { processor: { architecture: undefined, model: 'Skylake-Server' } }],
  ['cpu: host', { processor: undefined, machine: 'q35' }],
  ['emulator: /opt/qemu', { processor: { emulator: '/opt/qemu' } }],
  ['autostart: false', { processor: undefined, machine: 'q35', firmware: 'uefi' }],
])('G7: %s is %j', async (field, want) => {
  const text = withInstance(field).replace('debian-12', 'ubuntu-24.04')
  expect((await loadSound(text)).instances).toMatchObject([want])
})

test.each([
  ['{ image: debian-12, architecture: aarch64 }', '', 'debian-12.aarch64'],
  ['{ image: ubuntu-24.04, architecture: riscv64 }', '', 'ubuntu-24.04.riscv64'],
  ['{ image: debian-12, architecture: ppc64le }', '', 'debian-12.ppc64le'],
  ['{ image: debian-12, architecture: x86_64 }', '', 'debian-12'],
  ['{ image: mine, architecture: aarch64 }', 'mine: { file: a.qcow2 }', 'mine'],
  ['{ image: mine, architecture: aarch64 }', 'mine: { file: a }, mine.aarch64: { file: b }', 'mine.aarch64'],
  ['{ image: debian-12, architecture: aarch64 }', 'debian-12: { url: "https://x.example/own" }', 'debian-12'],
])('G7: %s with the images {%s} is made of %s', async (instance, images, id) => {
  const spec = await loadSound(withHead(`images: { ${images} }\ninstances: { web: ${instance} }\n`))
  expect(spec.instances[0]?.source).toMatchObject({ kind: 'image', id })
  expect(spec.images.map((image) => image.id)).toContain(id)
})

it('G7: an image of the catalogue for another architecture is the published one, else built where it can be, in the version that is pinned', async () => {
  const spec = await loadSound(
    withHead(
      'images: { debian-12: { version: 20250316-2053 } }\ninstances: { a: { image: debian-12, architecture: aarch64 }, b: { image: ubuntu-24.04, architecture: s390x } }\n',
    ),
  )
  expect(spec.images.slice(1)).toMatchObject([
    {
      id: 'debian-12.aarch64',
      machine: 'virt',
      sources: [
        { kind: 'url', fileName: 'debian-12-genericcloud-arm64-20250316-2053.qcow2' },
        { kind: 'build', architecture: 'aarch64' },
      ],
    },
    {
      id: 'ubuntu-24.04.s390x',
      firmware: 'bios',
      sources: [{ kind: 'url', fileName: 'noble-server-cloudimg-s390x.img' }],
    },
  ])
})

test.each([
  [
    'architecture: arm64',
    '6:19: instances.web.architecture: must be `x86_64` or `aarch64` or `armv7l` or `ppc64le` or `s390x` or `riscv64`',
  ],
  [
    'architecture: aarch64\n    machine: q35',
    '7:14: instances.web.machine: is `q35`, which `aarch64` does not have (Write `virt`, or leave it out everywhere.)',
  ],
  [
    'architecture: x86_64\n    machine: virt-9.0',
    'instances.web.machine: is `virt-9.0`, which `x86_64` does not',
  ],
  [
    'architecture: ppc64le\n    firmware: uefi',
    'instances.web.firmware: is `uefi`, which `ppc64le` does not have',
  ],
  ['architecture: ppc64le\n    secureBoot: true', 'instances.web.secureBoot: needs `firmware: uefi`'],
  ['architecture: aarch64\n    seedBus: ide', 'instances.web.seedBus: cannot be `ide` on a virt machine'],
  [
    'architecture: s390x',
    '5:12: instances.web.image: is in the catalogue, but not for `s390x` (Declare `debian-12.s390x` in `images`, with `url` or `file`.)',
  ],
  ['emulator: qemu', 'instances.web.emulator: must be an absolute path'],
])('G7: %s is told', async (field, line) => {
  expect((await problemLines(withInstance(field))).join('\n')).toContain(line)
})

it('G7: is not said of a clone or on a Hyper-V host', async () => {
  const message = 'is only for instances of an image on libvirt hosts'
  expect((await problemLines(withClone('cpu: max'))).join('\n')).toContain(`instances.web.cpu: ${message}`)
  const hyperv = withHead(
    'hosts: { n: { uri: "hyperv://n", login: { user: u, password: { env: P } } } }\nimages: { w: { host: W } }\ninstances: { a: { image: w, architecture: aarch64 } }\n',
  )
  expect((await problemLines(hyperv)).join('\n')).toContain(`instances.a.architecture: ${message}`)
})
