import { execFile } from 'node:child_process'
import { copyFile, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { VmDefinition } from '../../packages/vmwright/src/hypervisor/contract.ts'
import { uuidFromNames } from '../../packages/vmwright/src/lib/hash.ts'
import { KiB } from '../../packages/vmwright/src/lib/units.ts'
import { openTestHost, virsh, type TestHost } from './libvirt-driver-host.ts'

let test: TestHost
let pool: string
beforeAll(async () => {
  test = await openTestHost('basis')
  pool = `${test.prefix}pool`
  await test.host.ensurePool(test.progress, { name: pool, path: join(test.folder, 'pool') })
})
afterAll(() => test[Symbol.asyncDispose]())

const fileOf = (name: string): string => join(test.folder, 'pool', name)

/** A machine as `virt-install` makes them: three disks on two buses, a CD-ROM with a medium, fixed ports. */
async function template(name: string, os: string): Promise<string> {
  const vm = `${test.prefix}${name}`
  for (const disk of ['a', 'b', 'c'])
    await promisify(execFile)('qemu-img', ['create', '-q', '-f', 'qcow2', fileOf(`${name}-${disk}`), '8M'])
  await writeFile(fileOf(`${name}.iso`), Buffer.alloc(64 * KiB))
  const disk = (letter: string, dev: string, bus: string, address = '') =>
    `<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
      <source file='${fileOf(`${name}-${letter}`)}'/><target dev='${dev}' bus='${bus}'/>${address}</disk>`
  const xml = join(test.folder, `${name}.xml`)
  await writeFile(
    xml,
    `<domain type='qemu'><name>${vm}</name><title>golden</title>
      <metadata><libosinfo:libosinfo xmlns:libosinfo='http://libosinfo.org/xmlns/libvirt/domain/1.0'>
        <libosinfo:os id='http://debian.org/debian/12'/></libosinfo:libosinfo></metadata>
      <memory unit='MiB'>64</memory><vcpu placement='static' cpuset='0'>1</vcpu>${os}
      <features><acpi/><apic/><smm state='on'/></features>
      <cpu mode='maximum'/>
      <devices>${disk('a', 'vda', 'virtio', "<address type='pci' domain='0' bus='0' slot='0x1d' function='0'/>")}
        ${disk('b', 'vdb', 'virtio')}${disk('c', 'sda', 'sata')}
        <disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='${fileOf(`${name}.iso`)}'/>
          <target dev='sdb' bus='sata'/><readonly/></disk>
        <interface type='network'><mac address='52:54:00:7e:00:01'/><source network='default'/>
          <model type='e1000e'/><address type='pci' domain='0' bus='0' slot='0x1e' function='0'/></interface>
        <interface type='network'><mac address='52:54:00:7e:00:02'/><source network='default'/></interface>
        <serial type='pty'/><graphics type='vnc' port='5977' autoport='no'/>
      </devices></domain>`,
  )
  await virsh('define', xml)
  return vm
}

const clone = (name: string, basis: string, changes: Partial<VmDefinition> = {}): VmDefinition => ({
  name: `${test.prefix}${name}`,
  basis,
  id: uuidFromNames('basis', test.prefix, name),
  mark: {
    project: 'basis',
    instance: name,
    stage: 'creating',
    image: { kind: 'template', id: basis, digest: 'd' },
    volumes: [{ pool, name: `${name}.iso`, role: 'seed', device: 'sda' }],
    seed: { instanceId: 'i', digest: 'd', sealed: false },
    hostKeys: [],
    user: 'root',
  },
  acceleration: 'emulation',
  vcpus: 2,
  singleSocket: true,
  memoryMib: 96,
  machine: 'q35',
  firmware: 'bios',
  secureBoot: false,
  disks: ['a', 'b', 'c'].map((letter) => ({
    volume: { pool, name: `${name}-${letter}` },
    device: `vd${letter}`,
    format: 'qcow2',
  })),
  seed: { volume: { pool, name: `${name}.iso` }, bus: 'scsi' },
  interfaces: [{ mac: '52:54:00:c1:00:01', network: 'default' }],
  ...changes,
})

/** Clones disks and definition. */
async function makeClone(name: string, basis: string, ofDisks: string): Promise<VmDefinition> {
  const { host, progress } = test
  const vm = clone(name, basis)
  for (const { volume } of vm.disks) {
    const path = fileOf(volume.name.replace(name, ofDisks))
    const from = { path, format: 'qcow2' } as const
    await host.cloneDisk(progress, {
      ...volume,
      from,
      mode: 'copy',
      sizeBytes: undefined,
      workspace: undefined,
      existing: 'replace',
    })
  }
  await host.writeVolume(progress, { pool, name: `${name}.iso` }, new Uint8Array(64 * KiB))
  await host.defineVm(progress, vm)
  return vm
}

const devicesOf = async (vm: string): Promise<string> =>
  (await virsh('dumpxml', '--inactive', vm)).replaceAll(/\s+/g, ' ')

describe('T1: a clone of a machine with three disks', () => {
  it('has its devices in their places and nothing of its identity, and both run at once', async () => {
    const { host, progress } = test
    const basis = await template('golden', `<os><type machine='q35'>hvm</type></os>`)
    const vm = await makeClone('clone', basis, 'golden')
    const xml = await devicesOf(vm.name)
    for (const [dev, bus, letter] of [
      ['vda', 'virtio', 'a'],
      ['vdb', 'virtio', 'b'],
      ['sda', 'sata', 'c'],
    ])
      expect(xml).toMatch(
        new RegExp(
          `cache='none' discard='unmap'/> <source file='${fileOf(`clone-${letter}`)}'/> <target dev='${dev}' bus='${bus}'/>`,
        ),
      )
    expect(xml).toContain(
      `<source file='${fileOf('clone.iso')}'/> <target dev='sdb' bus='sata'/> <readonly/>`,
    )
    expect(xml).toMatch(
      /<mac address='52:54:00:c1:00:01'\/> <source network='default'\/> <model type='e1000e'\/> <address [^>]*slot='0x1e'/,
    )
    expect(xml.match(/<interface/g)).toHaveLength(1)
    expect(xml).toMatch(/dev='vda'[^>]*\/> <address [^>]*slot='0x1d'/)
    expect(xml).toContain("<vcpu placement='static' cpuset='0'>2</vcpu>")
    expect(xml).toContain('libosinfo:os')
    for (const theirs of ['golden-', 'golden.iso', '5977', '52:54:00:7e', '<title>golden'])
      expect(xml).not.toContain(theirs)
    await host.startVm(progress, basis)
    await host.startVm(progress, vm.name)
    for (const name of [vm.name, basis]) await host.stopVm(progress, name, 'force')

    await host.defineVm(progress, vm)
    expect(await devicesOf(vm.name)).toBe(xml)
    const changed = {
      ...vm,
      basis: undefined,
      memoryMib: 128,
      seed: undefined,
      interfaces: [...vm.interfaces, { mac: '52:54:00:c1:00:02', network: 'default' }],
    }
    await host.defineVm(progress, changed)
    const after = await devicesOf(vm.name)
    expect(after).toContain("<memory unit='KiB'>131072</memory>")
    expect(after).not.toContain(`file='${fileOf('clone.iso')}'`)
    expect(after.match(/<interface/g)).toHaveLength(2)
    expect(after).toContain("dev='sda' bus='sata'")
    for (const name of [vm.name, basis]) await host.undefineVm(progress, name)
  })

  it('is refused with a device of the host', async () => {
    const { host, progress } = test
    const basis = await template('passing', `<os><type machine='q35'>hvm</type></os>`)
    const xml = join(test.folder, 'hostdev.xml')
    await writeFile(
      xml,
      `<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>`,
    )
    await virsh('attach-device', basis, xml, '--config')
    await expect(host.defineVm(progress, clone('passed', basis))).rejects.toMatchObject({
      code: 'host.operation-failed',
      message: expect.stringContaining('a usb device'),
    })
    await expect(host.defineVm(progress, clone('none', 'nobody'))).rejects.toMatchObject({
      code: 'template.not-found',
    })
    await host.undefineVm(progress, basis)
  })
})

describe('T1: a clone of a UEFI machine has firmware variables of its own', () => {
  const code = '/usr/share/OVMF/OVMF_CODE_4M.fd'
  const loader = `<loader readonly='yes' type='pflash'>${code}</loader>`
  it.each([
    ['chosen by libvirt', 'auto', `<os firmware='efi'><type machine='q35'>hvm</type></os>`],
    [
      'named',
      'named',
      `<os><type machine='q35'>hvm</type>${loader}<nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'/></os>`,
    ],
  ])('copied from the template’s, with firmware %s', async (_what, name, os) => {
    const { host, progress, folder } = test
    const basis = await template(name, os)
    await host.startVm(progress, basis)
    const path = /<nvram[^>]*>([^<]+)</.exec(await virsh('dumpxml', basis))?.[1] ?? ''
    await host.stopVm(progress, basis, 'force')
    // As if the guest had written a boot entry: the last byte of the spare block, which firmware leaves alone.
    const theirs = await readFile(path)
    theirs[theirs.length - 1] = 0x42
    await writeFile(join(folder, 'marked'), theirs)
    await copyFile(join(folder, 'marked'), path)

    const vm = await makeClone(`${name}-clone`, basis, name)
    const own = path.replace(basis, vm.name)
    expect((await readFile(own)).equals(theirs)).toBe(true)
    await host.startVm(progress, vm.name)
    expect(await virsh('dumpxml', vm.name)).toContain(`>${own}</nvram>`)
    await host.stopVm(progress, vm.name, 'force')
    expect((await readFile(own)).at(-1)).toBe(0x42)
    expect((await stat(own)).ino).not.toBe((await stat(path)).ino)

    const unstarted = await makeClone(`${name}-other`, basis, name)
    const others = path.replace(basis, unstarted.name)
    await host.defineVm(progress, unstarted)
    expect((await readFile(others)).equals(theirs)).toBe(true)
    for (const one of [vm.name, unstarted.name, basis]) await host.undefineVm(progress, one)
    for (const file of [own, others, path]) await expect(stat(file)).rejects.toThrow('ENOENT')
    await rm(join(folder, 'marked'))
  })
})
