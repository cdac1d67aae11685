import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Progress } from '../lib/progress.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { hostSpec, templateSpec } from '../testing/specs.ts'
import { openTemplateRecords } from './records.ts'
import { rememberRestart, rememberValidated } from './remember.ts'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'vmwright-records-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

const progress = new Progress(createFakeSeam())
const host = hostSpec()
const listed = templateSpec({ disks: ['/srv/golden.qcow2'] })

it('T8: a record outlives the process, is whole, and goes when nothing is left in it', async () => {
  const records = openTemplateRecords(folder)
  expect(await records.read(host.uri, 'golden')).toBeUndefined()
  await rememberRestart(progress, records, host, 'golden', 'due')
  expect(await openTemplateRecords(folder).read(host.uri, 'golden')).toEqual({
    validated: {},
    restartDue: true,
  })
  expect(await records.read('qemu+ssh://other/system', 'golden')).toBeUndefined()
  await rememberRestart(progress, records, host, 'golden', 'done')
  expect(await readdir(join(folder, 'templates'))).toEqual([])
})

it('T8: keeps what was validated for each demand, and forgets it when the content changed', async () => {
  const records = openTemplateRecords(folder)
  const { domain } = listed
  const validated = async (): Promise<number> =>
    Object.keys((await records.read(host.uri, domain))?.validated ?? {}).length
  await rememberValidated(progress, records, host, templateSpec(), 'a')
  await rememberValidated(progress, records, host, listed, 'a+1')
  expect(await validated()).toBe(2)
  await rememberValidated(progress, records, host, listed, 'b')
  expect(await validated()).toBe(1)
})

it.each(['', '{', '[]', '{"validated":{"x":1},"restartDue":"yes"}'])(
  'T8: a record that is not one counts as nothing known: %s',
  async (text) => {
    const records = openTemplateRecords(folder)
    await rememberRestart(progress, records, host, 'golden', 'due')
    const [name = ''] = await readdir(join(folder, 'templates'))
    await writeFile(join(folder, 'templates', name), text)
    const record = await records.read(host.uri, 'golden')
    expect(record ?? { validated: {}, restartDue: false }).toEqual({ validated: {}, restartDue: false })
  },
)
