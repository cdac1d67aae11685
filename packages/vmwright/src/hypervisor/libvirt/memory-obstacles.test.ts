import { expect, it } from 'vitest'
import { parseXml } from '../../lib/xml.ts'
import { hasRawFlash, memoryObstacle } from './memory-obstacles.ts'

const qcow2 = `<disk><driver type='qcow2'/><target dev='vda'/></disk>`
const seed = `<disk device='cdrom'><driver type='raw'/><target dev='sda'/><readonly/></disk>`
const raw = `<disk type='block'><driver type='raw'/><target dev='vdb'/></disk>`

it.each([
  ['disks of qcow2 and a seed', '', qcow2 + seed, undefined],
  ['a read-only raw disk', '', `${qcow2}<disk><target dev='vdz'/><readonly/></disk>`, undefined],
  ['a raw disk', '', qcow2 + raw, 'disk vdb is not qcow2'],
  ['two raw disks', '', `${qcow2}${raw}<disk><target dev='vdc'/></disk>`, 'disks vdb, vdc are not qcow2'],
  ['no disk', '', seed, 'no disk'],
  ['UEFI', `<os firmware='efi'/>`, qcow2, undefined],
  ['a shared folder', '', `${qcow2}<filesystem type='mount'/>`, '9p or virtiofs'],
  ['a device passed through', '', `${qcow2}<hostdev/>`, 'passed through'],
  ['a network card passed through', '', `${qcow2}<interface type='hostdev'/>`, 'passed through'],
  ['a network card', '', `${qcow2}<interface type='network'/>`, undefined],
  ['invtsc', `<cpu><feature policy='require' name='invtsc'/></cpu>`, qcow2, 'invtsc'],
  ['invtsc switched off', `<cpu><feature policy='disable' name='invtsc'/></cpu>`, qcow2, undefined],
])('G8: a machine with %s', (_what, top, devices, why) => {
  const obstacle = memoryObstacle(parseXml(`<domain>${top}<devices>${devices}</devices></domain>`))
  expect(obstacle ?? 'none').toContain(why ?? 'none')
})

const flash = `<loader type='pflash'>/OVMF.fd</loader>`

it.each([
  ['BIOS', '<os/>', false],
  ['UEFI that libvirt will choose', `<os firmware='efi'/>`, true],
  ['UEFI in flash', `<os>${flash}<nvram>/v.fd</nvram></os>`, true],
  ['UEFI with variables in qcow2', `<os>${flash}<nvram format='qcow2'>/v</nvram></os>`, false],
  ['firmware as a plain ROM', '<os><loader>/seabios.bin</loader></os>', false],
])('G8: libvirt makes no snapshot with memory where variables are raw: %s', (_what, os, isRaw) => {
  expect(hasRawFlash(parseXml(`<domain>${os}</domain>`))).toBe(isRaw)
})
