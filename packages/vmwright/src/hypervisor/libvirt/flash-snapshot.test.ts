import { expect, it } from 'vitest'
import { find, parseXml, writeXml } from '../../lib/xml.ts'
import { isWithFlash, withChosenFirmware } from './flash-snapshot.ts'
import { parseSnapshot, recordXml } from './snapshot-xml.ts'

const chosen = `<loader type='pflash'>/CODE.fd</loader><nvram>/VARS.fd</nvram>`
const running = parseXml(
  `<domain><os firmware='efi'><type>hvm</type><firmware><feature/></firmware>${chosen}</os><devices/></domain>`,
)

it('G8: a machine is started again on the firmware that libvirt chose, and not on another of the kind', () => {
  const os = find(withChosenFirmware(running), 'os')
  expect(os && writeXml(os)).toBe(writeXml(parseXml(`<os><type>hvm</type>${chosen}</os>`)))
})

it.each(['<domain><os firmware="efi"><firmware/></os></domain>', '<domain/>'])(
  'G8: where nothing was chosen nothing is changed: %s',
  (xml) => {
    expect(writeXml(withChosenFirmware(parseXml(xml)))).toBe(writeXml(parseXml(xml)))
  },
)

it('G8: what libvirt is told of a snapshot has its note when it is whole, and only then', () => {
  const record = {
    snapshot: { name: 'init', description: 'of\nlines', memory: true, note: '{"layer":"init"}' },
    createdAtMs: 1_700_000_000_900,
    parent: 'clean',
    domain: withChosenFirmware(running),
  }
  const told = { name: 'init', memory: true, parent: 'clean', createdAtMs: 1_700_000_000_000 }
  const [unfinished, whole] = [recordXml(record, 'unfinished'), recordXml(record, 'whole')]
  expect(parseSnapshot(unfinished)).toMatchObject({ ...told, note: undefined, isWhole: false })
  expect(parseSnapshot(whole)).toMatchObject({ ...told, note: record.snapshot.note, isWhole: true })
  for (const xml of [unfinished, whole]) expect(parseSnapshot(xml).description).toBe('of\nlines')
  expect(isWithFlash(whole)).toBe(true)
})

it.each([
  ['without memory', `<memory snapshot='no'/><domain><os firmware='efi'/></domain>`],
  ['with memory in a file', `<memory snapshot='external'/><domain><os firmware='efi'/></domain>`],
  ['of a BIOS machine', `<memory snapshot='internal'/><domain><os/></domain>`],
])('G8: libvirt restores a snapshot %s itself', (_what, content) => {
  expect(isWithFlash(`<domainsnapshot>${content}</domainsnapshot>`)).toBe(false)
})
