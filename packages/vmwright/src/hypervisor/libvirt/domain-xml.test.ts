import { describe, expect, it } from 'vitest'
import { childrenOf, find, parseXml, textAt, writeXml, type XmlElement } from '../../lib/xml.ts'
import type { ProcessorSpec } from '../../spec/resolved.ts'
import type { VmDefinition, VmMark } from '../contract.ts'
import { mergeDomain } from './domain-merge.ts'
import { parseDomain } from './domain-read.ts'
import { domainElement } from './domain-xml.ts'
import { markElement, markNamespace, markPrefix, parseMark, prefixed } from './mark-xml.ts'

const mark: VmMark = {
  project: 'demo',
  instance: 'web-1',
  stage: 'creating',
  image: { kind: 'image', id: 'debian-12', digest: 'sha256:c0ffee' },
  volumes: [
    { role: 'root', device: 'vda', pool: 'guests', name: 'web-1-root.qcow2' },
    { role: 'extra', device: 'vdb', pool: 'guests', name: 'web-1-vdb.raw' },
    { role: 'seed', device: 'sda', pool: 'guests', name: 'web-1-seed.iso' },
  ],
  seed: { instanceId: 'web-1-7f3a', digest: 'sha256:5eed', sealed: false },
  hostKeys: ['ssh-ed25519 AAAAC3Nz web-1'],
  user: 'debian',
}

const vm: VmDefinition = {
  name: 'web-1',
  basis: undefined,
  id: '0f3b2a10-8d4e-8c55-9e61-2f1f7c1d9a77',
  mark,
  acceleration: 'kvm',
  vcpus: 4,
  singleSocket: true,
  memoryMib: 2048,
  machine: 'q35',
  firmware: 'bios',
  secureBoot: false,
  disks: [
    { volume: { pool: 'guests', name: 'web-1-root.qcow2' }, device: 'vda', format: 'qcow2' },
    { volume: { pool: 'guests', name: 'web-1-vdb.raw' }, device: 'vdb', format: 'raw' },
  ],
  seed: { volume: { pool: 'guests', name: 'web-1-seed.iso' }, bus: 'scsi' },
  interfaces: [{ mac: '52:54:00:12:34:56', network: 'default' }],
}

const context = {
  architecture: 'x86_64',
  pathOf: (volume: { readonly pool: string; readonly name: string }) => `/srv/${volume.pool}/${volume.name}`,
}
const define = (changes: Partial<VmDefinition> = {}): XmlElement =>
  domainElement({ ...vm, ...changes }, context)
const foreign = (
  architecture: string,
  machine: string,
  firmware: VmDefinition['firmware'],
  said: Partial<ProcessorSpec> = {},
) => ({
  processor: { architecture, model: undefined, emulator: undefined, ...said },
  machine,
  firmware,
})
const golden = (name: string): string => `golden/${name}.xml`

describe('a machine becomes a libvirt domain', () => {
  it.each([
    ['bios-kvm', {}],
    ['uefi-emulated', { firmware: 'uefi', acceleration: 'emulation', singleSocket: false }],
    ['uefi-secure-boot', { firmware: 'uefi', secureBoot: true, seed: undefined }],
    ['aarch64', foreign('aarch64', 'virt', 'uefi')],
    ['ppc64le', foreign('ppc64le', 'pseries', 'bios', { model: 'POWER8', emulator: '/opt/qemu-ppc' })],
  ] as const)('as in golden/%s.xml', async (name, changes) => {
    await expect(writeXml(define(changes))).toMatchFileSnapshot(golden(name))
  })

  it.each([
    [undefined, 'kvm', 'kvm', 'host-passthrough', undefined],
    ['x86_64', 'kvm', 'kvm', 'host-passthrough', undefined],
    ['i686', 'kvm', 'kvm', 'host-passthrough', undefined],
    ['aarch64', 'kvm', 'qemu', 'custom', 'cortex-a57'],
    ['riscv64', 'kvm', 'qemu', 'maximum', undefined],
    [undefined, 'emulation', 'qemu', 'maximum', undefined],
  ] as const)(
    'G7: %s on a host of x86_64 with %s is a %s domain',
    (architecture, acceleration, type, mode, model) => {
      const processor = { architecture, model: undefined, emulator: undefined }
      const domain = define({ acceleration, processor })
      expect(domain.attributes['type']).toBe(type)
      expect(find(domain, 'os', 'type')?.attributes['arch']).toBe(architecture ?? 'x86_64')
      expect(find(domain, 'cpu')?.attributes['mode']).toBe(mode)
      expect(textAt(domain, 'cpu', 'model')).toBe(model)
    },
  )

  it.each([
    ['scsi', 'cdrom', 'sda'],
    ['sata', 'cdrom', 'sda'],
    ['ide', 'cdrom', 'hda'],
    ['virtio', 'disk', 'vdzz'],
  ] as const)('C11: the seed on %s is a read-only %s %s', (bus, kind, device) => {
    const disks = find(define({ seed: { volume: { pool: 'p', name: 's' }, bus } }), 'devices')?.children
    const seed = disks?.find((disk) => typeof disk !== 'string' && find(disk, 'readonly') !== undefined)
    expect(typeof seed === 'object' ? seed.attributes['device'] : undefined).toBe(kind)
    expect(typeof seed === 'object' ? find(seed, 'target')?.attributes : undefined).toEqual({
      dev: device,
      bus,
    })
  })

  it('C12: one socket has all cores, or nothing is said of sockets', () => {
    expect(find(define(), 'cpu', 'topology')?.attributes).toMatchObject({
      sockets: '1',
      cores: '4',
      threads: '1',
    })
    expect(find(define({ singleSocket: false }), 'cpu', 'topology')).toBeUndefined()
  })

  it('names of users are text, never markup', () => {
    const name = `</name><!--"'&]]>`
    const written = writeXml(define({ name, mark: { ...mark, instance: name } }))
    expect(parseDomain(written)).toMatchObject({ name, mark: { instance: name } })
  })
})

describe('a libvirt domain becomes a machine', () => {
  it.each([
    {},
    { firmware: 'uefi' },
    { firmware: 'uefi', secureBoot: true },
    { singleSocket: false },
  ] as const)('what was written is read back: %j', (changes) => {
    const { acceleration: _acceleration, seed: _seed, basis: _basis, ...described } = { ...vm, ...changes }
    expect(parseDomain(writeXml(define(changes)))).toEqual({
      ...described,
      disks: [
        { device: 'vda', path: '/srv/guests/web-1-root.qcow2', kind: 'disk', format: 'qcow2' },
        { device: 'vdb', path: '/srv/guests/web-1-vdb.raw', kind: 'disk', format: 'raw' },
        { device: 'sda', path: '/srv/guests/web-1-seed.iso', kind: 'cdrom', format: 'raw' },
      ],
    })
  })

  it('of a foreign machine: units, bridges, block devices, guessed alias, flash firmware', () => {
    const xml = `<domain type='kvm'><name>old</name><uuid>0F3B2A10-8D4E-4C55-9E61-2F1F7C1D9A77</uuid>
      <memory unit='GiB'>2</memory><vcpu>2</vcpu>
      <os><type machine='pc-i440fx-7.2'>hvm</type><loader type='pflash' secure='yes'>/x.fd</loader></os>
      <metadata><a:vm xmlns:a='urn:other'/></metadata>
      <devices><disk type='block' device='disk'><source dev='/dev/sdb'/><target dev='vda'/></disk>
        <disk type='file' device='cdrom'><target dev='sda'/></disk>
        <interface type='bridge'><mac address='52:54:00:AB:CD:EF'/><source bridge='br0'/></interface></devices></domain>`
    expect(parseDomain(xml)).toEqual({
      name: 'old',
      id: '0f3b2a10-8d4e-4c55-9e61-2f1f7c1d9a77',
      mark: undefined,
      vcpus: 2,
      singleSocket: false,
      memoryMib: 2048,
      machine: 'pc',
      firmware: 'uefi',
      secureBoot: true,
      interfaces: [{ mac: '52:54:00:ab:cd:ef', network: 'br0' }],
      disks: [
        { device: 'vda', path: '/dev/sdb', kind: 'disk', format: undefined },
        { device: 'sda', path: undefined, kind: 'cdrom', format: undefined },
      ],
    })
  })
})

describe('the mark', () => {
  const inDomain = (element: XmlElement): XmlElement =>
    parseXml(
      writeXml({
        name: 'domain',
        attributes: {},
        children: [{ name: 'metadata', attributes: {}, children: [element] }],
      }),
    )

  it('X3: is read whatever prefix it has', () => {
    for (const prefix of [markPrefix, 'other'])
      expect(parseMark(inDomain(prefixed(markElement(mark), prefix, markNamespace)))).toEqual(mark)
    const bare = {
      ...markElement(mark),
      attributes: { ...markElement(mark).attributes, xmlns: markNamespace },
    }
    expect(parseMark(inDomain(bare))).toEqual(mark)
  })

  it('G1: says which run is at work and what it makes', () => {
    const busy: VmMark = {
      ...mark,
      run: '20260101T000000Z-7',
      used: true,
      making: 'lab.1.init',
      addresses: ['10.0.0.5', 'fd00::5'],
    }
    expect(parseMark(inDomain(prefixed(markElement(busy), markPrefix, markNamespace)))).toEqual(busy)
  })

  it('ignores what later versions add', () => {
    const element = markElement(mark)
    const later = {
      ...element,
      attributes: { ...element.attributes, colour: 'red' },
      children: [...element.children, { name: 'lease', attributes: { until: 'noon' }, children: [] }],
    }
    expect(parseMark(inDomain(prefixed(later, markPrefix, markNamespace)))).toEqual(mark)
  })

  it.each([{ stage: 'retired' }, { project: undefined }])(
    'of a form not understood is no mark: %j',
    (change) => {
      const element = markElement(mark)
      const attributes = Object.fromEntries(
        Object.entries({ ...element.attributes, ...change }).flatMap(([key, value]) =>
          value === undefined ? [] : [[key, value] as const],
        ),
      )
      const changed = { ...element, attributes }
      expect(parseMark(inDomain(prefixed(changed, markPrefix, markNamespace)))).toBeUndefined()
    },
  )
})

describe('an existing definition is brought to the wanted one', () => {
  /** As libvirt returns a definition: aliases resolved, addresses given, and something that an administrator added. */
  const existing = parseXml(
    writeXml(define())
      .replace("machine='q35'>hvm", "machine='pc-q35-7.2'>hvm")
      .replace(
        `<driver name='qemu' type='qcow2' discard='unmap'/>`,
        `<driver name='qemu' type='qcow2' cache='none'/>`,
      )
      .replace('</metadata>', `<site:note xmlns:site='urn:site'>keep me</site:note></metadata>`)
      .replace('</devices>', `<hostdev mode='subsystem' type='usb'/></devices>`)
      .replace('</domain>', `<cputune><shares>512</shares></cputune></domain>`),
  )

  it('X2: changes what is ours and keeps what others added', async () => {
    const wanted = define({ vcpus: 2, memoryMib: 1024, mark: { ...mark, stage: 'created' } })
    await expect(writeXml(mergeDomain(existing, wanted))).toMatchFileSnapshot(golden('merged'))
  })

  it('to the same definition: nothing changes, not even the tuning of a disk', () => {
    const merged = parseDomain(writeXml(mergeDomain(existing, define())))
    expect(merged).toEqual(parseDomain(writeXml(existing)))
    expect(writeXml(mergeDomain(existing, define()))).toContain("cache='none'")
  })

  it('removes the disks and interfaces that are no longer wanted, and no foreign disk', () => {
    const withForeign = parseXml(
      writeXml(existing).replace(
        '</devices>',
        `<disk type='file' device='disk'><source file='/backup.img'/><target dev='vdx' bus='virtio'/></disk></devices>`,
      ),
    )
    const merged = parseDomain(
      writeXml(mergeDomain(withForeign, define({ disks: vm.disks.slice(0, 1), interfaces: [] }))),
    )
    expect(merged.disks.map(({ device }) => device).toSorted()).toEqual(['sda', 'vda', 'vdx'])
    expect(merged.interfaces).toEqual([])
  })

  it('C17: keeps the disk on the overlay that a snapshot put over it', () => {
    const overlay = '/srv/guests/web-1.clean.vda.qcow2'
    const snapshotted = parseXml(writeXml(existing).replace('/srv/guests/web-1-root.qcow2', overlay))
    const merged = parseDomain(writeXml(mergeDomain(snapshotted, define({ vcpus: 1 }))))
    expect(merged.disks[0]).toEqual({ device: 'vda', path: overlay, kind: 'disk', format: 'qcow2' })
    expect(merged.vcpus).toBe(1)
  })

  it('G7: takes another emulator, and keeps the one that libvirt chose', () => {
    const chosen = parseXml(writeXml(existing).replace('<devices>', '<devices><emulator>/chosen</emulator>'))
    const emulators = (wanted: XmlElement): readonly (string | undefined)[] =>
      childrenOf(find(mergeDomain(chosen, wanted), 'devices'), 'emulator').map((element) => textAt(element))
    const processor = { architecture: undefined, model: undefined, emulator: '/opt/qemu' }
    expect(emulators(define())).toEqual(['/chosen'])
    expect(emulators(define({ processor }))).toEqual(['/opt/qemu'])
  })

  it('takes new firmware as a whole', () => {
    const merged = parseDomain(
      writeXml(mergeDomain(existing, define({ firmware: 'uefi', secureBoot: true }))),
    )
    expect(merged).toMatchObject({ firmware: 'uefi', secureBoot: true })
  })
})
