import { expect, it } from 'vitest'
import { find, parseXml, writeXml } from '../../../lib/xml.ts'
import { asOther, sourceOf, variablesOf, withPrivateMemory, withSharedMemory } from './fork-xml.ts'
import { forkObstacle } from './obstacles.ts'

const domain = parseXml(`<domain type='qemu'>
  <name>web</name><uuid>1ccd54f7-4407-88c7-892d-7f1dbcf94c50</uuid><title>web of lab</title>
  <metadata>
    <vmwright-request:request xmlns:vmwright-request="urn:vmwright:request:1" machine="q35"/>
    <vmwright:vm xmlns:vmwright="urn:vmwright:vm:1" project="lab" instance="web" stage="provisioned" user="debian"/>
  </metadata>
  <os><type>hvm</type><nvram template='/t.fd'>/nvram/web_VARS.fd</nvram></os>
  <features><acpi/></features>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='/pool/web.img' index='2'/>
      <backingStore type='file'><format type='qcow2'/><source file='/cache/base.qcow2'/></backingStore>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='network'>
      <mac address='52:54:00:00:00:01'/><source network='default' portid='p' bridge='virbr0'/><target dev='vnet1'/>
      <address type='pci' bus='0x01'/>
    </interface>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
  </devices>
</domain>`)

const mark = {
  project: 'lab',
  instance: 'web-fork-1',
  stage: 'creating',
  image: { kind: 'image', id: 'debian', digest: 'd' },
  volumes: [],
  seed: { instanceId: 'iid-1', digest: '', sealed: true },
  hostKeys: [],
  user: 'debian',
} as const

const other = asOther(domain, {
  name: 'web-fork-1',
  id: '00000000-0000-4000-8000-000000000001',
  macs: ['52:54:00:00:00:02'],
  disks: new Map([['vda', { path: '/pool/web-fork-1.qcow2', format: 'qcow2' }]]),
  variables: '/nvram/web-fork-1_VARS.fd',
  mark: { mark, source: 'web.1' },
})

it('X9: another identity leaves nothing of the old one, and the devices where they are', () => {
  const text = writeXml(other)
  expect(text).not.toMatch(/52:54:00:00:00:01|1ccd54f7|web\.img|base\.qcow2|vnet1|portid|virbr0|<name>web</)
  expect(text).toContain('52:54:00:00:00:02')
  expect(text).toContain("bus='0x01'")
  expect(find(other, 'devices', 'disk', 'driver')?.attributes['type']).toBe('qcow2')
  expect(variablesOf(other)).toBe('/nvram/web-fork-1_VARS.fd')
  expect(text).toContain("machine='q35'")
  expect(sourceOf(parseXml(text))).toBe('web.1')
  expect(sourceOf(domain)).toBeUndefined()
})

it('X9: only the machine that runs from the source has its memory and its cables as a fork has them', () => {
  const memory = { block: 'vc.ram', path: '/pool/web.1.fork-memory.raw', sizeBytes: 512 * 1024 * 1024 }
  const text = writeXml(withPrivateMemory(withSharedMemory(other, 'file'), memory))
  expect(text).not.toContain('memoryBacking')
  expect(text).toContain('&quot;share&quot;:false')
  expect(text).toContain('memory-backend=vc.ram')
  expect(text).toContain("<link state='down'/>")
  expect(writeXml(other)).not.toMatch(/qemu:commandline|link state/)
})

const changed = (from: string, to: string) => parseXml(writeXml(domain).replace(from, to))

it.each([
  ['a usual machine', domain, undefined],
  [
    'one of another hypervisor',
    changed("type='qemu'", "type='xen'"),
    'it is a machine of type xen, and not of QEMU',
  ],
  [
    'one without an agent',
    changed('org.qemu.guest_agent.0', 'other'),
    'it has no channel for the guest agent',
  ],
  [
    'one with a device of the host',
    changed('<devices>', '<devices><hostdev/>'),
    'it has a device of the host, which would be shared by all forks',
  ],
  [
    'one with huge pages',
    parseXml(writeXml(withSharedMemory(domain, 'memfd'))),
    'its memory has a form of its own (huge pages, a file, or slots to plug more in)',
  ],
  [
    'one whose disk is no file',
    changed("file='/pool/web.img'", "dev='/dev/sdb'"),
    'its disk vda is not a file',
  ],
])('X9: %s can be forked, or it is said why not', (_what, machine, why) => {
  expect(forkObstacle(machine)).toEqual(why)
})
