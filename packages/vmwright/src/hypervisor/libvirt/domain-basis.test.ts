import { describe, expect, it } from 'vitest'
import { find, parseXml, writeXml } from '../../lib/xml.ts'
import type { VmDefinition } from '../contract.ts'
import { basedDomain, hostDevicesOf } from './domain-basis.ts'
import { parseDomain } from './domain-read.ts'
import { domainElement } from './domain-xml.ts'

const vm: VmDefinition = {
  name: 'web-1',
  basis: 'golden',
  id: '0f3b2a10-8d4e-8c55-9e61-2f1f7c1d9a77',
  mark: {
    project: 'demo',
    instance: 'web-1',
    stage: 'creating',
    image: { kind: 'template', id: 'golden', digest: 'sha256:c0ffee' },
    volumes: [{ role: 'seed', device: 'sda', pool: 'guests', name: 'web-1-seed.iso' }],
    seed: { instanceId: 'i', digest: 'd', sealed: false },
    hostKeys: [],
    user: 'debian',
  },
  acceleration: 'emulation',
  vcpus: 4,
  singleSocket: true,
  memoryMib: 2048,
  machine: 'q35',
  firmware: 'bios',
  secureBoot: false,
  disks: [
    { volume: { pool: 'guests', name: 'web-1-sda.raw' }, device: 'sda', format: 'raw' },
    { volume: { pool: 'guests', name: 'web-1-extra.qcow2' }, device: 'vdx', format: 'qcow2' },
  ],
  seed: { volume: { pool: 'guests', name: 'web-1-seed.iso' }, bus: 'scsi' },
  interfaces: [
    { mac: '52:54:00:12:34:56', network: 'default' },
    { mac: '52:54:00:12:34:57', network: 'lab' },
  ],
}

const template = parseXml(`<domain type='kvm'>
  <name>golden</name><uuid>11111111-2222-4333-8444-555555555555</uuid><genid>aaaaaaaa-2222-4333-8444-555555555555</genid>
  <title>Golden</title>
  <metadata><vmwright:vm xmlns:vmwright='urn:vmwright:vm:1' project='other' instance='golden' stage='created' user='x'/>
    <site:note xmlns:site='urn:site'>keep me</site:note></metadata>
  <memory unit='GiB'>1</memory><currentMemory unit='GiB'>1</currentMemory>
  <vcpu placement='static' cpuset='0-3' current='1'>2</vcpu><cputune><shares>512</shares></cputune>
  <sysinfo type='smbios'><system><entry name='uuid'>11111111-2222-4333-8444-555555555555</entry><entry name='product'>Box</entry></system></sysinfo>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><loader readonly='yes' type='pflash'>/code.fd</loader>
    <nvram template='/vars.fd'>/nvram/golden_VARS.fd</nvram><smbios mode='sysinfo'/></os>
  <features><acpi/><hyperv mode='custom'><relaxed state='on'/></hyperv></features>
  <cpu mode='host-passthrough' check='none'><topology sockets='2' dies='1' cores='1' threads='1'/></cpu>
  <devices>
    <disk type='block' device='disk'><driver name='qemu' type='raw' cache='none' io='native'/><source dev='/dev/vg/golden'/>
      <backingStore/><target dev='sda' bus='scsi'/><boot order='1'/><address type='drive' controller='0' bus='0' target='0' unit='0'/></disk>
    <controller type='scsi' index='0' model='virtio-scsi'/>
    <interface type='bridge'><mac address='52:54:00:7e:00:01'/><source bridge='br0'/><virtualport type='openvswitch'><parameters interfaceid='x'/></virtualport>
      <target dev='golden0'/><model type='e1000e'/><address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></interface>
    <serial type='file'><source path='/var/log/golden.log'/><target port='0'/></serial>
    <channel type='unix'><source mode='bind' path='/run/golden.agent'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <graphics type='spice' port='5901' tlsPort='5902' autoport='no' passwd='secret'><listen type='address' address='127.0.0.1'/></graphics>
    <vsock model='virtio'><cid auto='no' address='4711'/></vsock>
  </devices>
  <seclabel type='dynamic' model='dac' relabel='yes'/></domain>`)

const context = {
  architecture: 'x86_64',
  pathOf: (volume: { readonly pool: string; readonly name: string }) => `/srv/${volume.pool}/${volume.name}`,
}
const basedOn = (model: typeof template, of: 'template' | 'itself', changes: Partial<VmDefinition> = {}) => {
  const wanted = { ...vm, ...changes }
  return basedDomain({ model, of, wanted: domainElement(wanted, context), vm: wanted })
}

describe('T1: a machine on the basis of a template', () => {
  it('as in golden/based.xml', async () => {
    await expect(writeXml(basedOn(template, 'template'))).toMatchFileSnapshot('golden/based.xml')
  })

  it('has nothing left that only one machine can have', () => {
    const written = writeXml(basedOn(template, 'template'))
    const theirs = [
      '11111111',
      'aaaaaaaa',
      'golden_VARS',
      '/dev/vg',
      '52:54:00:7e',
      'golden0',
      'interfaceid',
      '.log',
      '.agent',
      '590',
      '4711',
      'other',
    ]
    for (const one of theirs) expect(written).not.toContain(one)
  })

  it('is from then on its own basis, and the same definition changes nothing', () => {
    const once = basedOn(template, 'template')
    const again = basedOn(once, 'itself')
    expect(parseDomain(writeXml(again))).toEqual(parseDomain(writeXml(once)))
    expect(writeXml(again)).toContain('/vars.fd')
    const changed = basedOn(again, 'itself', {
      vcpus: 1,
      seed: undefined,
      interfaces: vm.interfaces.slice(0, 1),
    })
    expect(parseDomain(writeXml(changed))).toMatchObject({
      vcpus: 1,
      singleSocket: true,
      interfaces: vm.interfaces.slice(0, 1),
      disks: [{ device: 'sda' }, { device: 'vdx' }, { kind: 'cdrom', path: undefined }],
    })
  })

  it('C17: keeps the disk on the overlay that a snapshot put over it', () => {
    const overlay = '/srv/guests/web-1.clean.sda.qcow2'
    const once = writeXml(basedOn(template, 'template')).replace('/srv/guests/web-1-sda.raw', overlay)
    expect(parseDomain(writeXml(basedOn(parseXml(once), 'itself'))).disks[0]).toMatchObject({ path: overlay })
  })

  it.each([
    ['kvm', 'host-passthrough'],
    ['emulation', 'maximum'],
  ] as const)('C12: with %s its processor is %s, on one socket', (acceleration, mode) => {
    const cpu = find(basedOn(template, 'template', { acceleration }), 'cpu')
    expect(cpu?.attributes['mode']).toBe(mode)
    expect(find(cpu, 'topology')?.attributes).toMatchObject({ sockets: '1', cores: '4' })
  })

  it('uses the template’s CD-ROM for the seed, empties the others', () => {
    const cdrom = (dev: string) =>
      `<disk type='file' device='cdrom'><source file='/iso/${dev}.iso'/><target dev='${dev}' bus='sata'/><readonly/></disk>`
    const text = writeXml(template).replace('<controller', `${cdrom('sdb')}${cdrom('sdc')}<controller`)
    const { disks } = parseDomain(writeXml(basedOn(parseXml(text), 'template')))
    expect(
      disks
        .filter(({ kind }) => kind === 'cdrom')
        .map(({ device, path }) => [device, path])
        .toSorted(),
    ).toEqual([
      ['sdb', '/srv/guests/web-1-seed.iso'],
      ['sdc', undefined],
    ])
  })

  it('cannot have devices of the host', () => {
    const text = writeXml(template).replace(
      '<controller',
      `<hostdev mode='subsystem' type='pci'/><interface type='hostdev'/><controller`,
    )
    expect(hostDevicesOf(parseXml(text))).toEqual(['a pci device', 'a network card'])
    expect(hostDevicesOf(template)).toEqual([])
  })
})
