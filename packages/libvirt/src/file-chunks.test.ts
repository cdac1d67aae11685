import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { calls, fileChunks, openLibvirt } from './index.ts'
import { FakeDaemon } from './testing/index.ts'

const data = randomBytes(20 * 1024 * 1024 + 1)
const vol = { pool: 'default', name: 'a.img', key: '/images/a.img' }
let folder: string
let path: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'libvirt-rpc-'))
  path = join(folder, 'source')
  await writeFile(path, data)
})
afterAll(() => rm(folder, { recursive: true }))

describe('fileChunks', () => {
  it('is uploaded whole although its buffers are used again, to a daemon that takes its time', async () => {
    const hash = createHash('sha256')
    await using daemon = new FakeDaemon().handleStream(calls.storageVolUpload, () => ({
      result: {},
      run: async (stream) => {
        for await (const piece of stream) {
          await new Promise((resolve) => setImmediate(resolve))
          hash.update(piece)
        }
      },
    }))
    const socketPath = join(folder, 's')
    await daemon.listen(socketPath)
    await using libvirt = await openLibvirt('qemu:///system', { socketPath })
    await libvirt.upload(calls.storageVolUpload, { vol, offset: 0n, length: 0n }, fileChunks(path))
    expect(hash.digest('hex')).toBe(createHash('sha256').update(data).digest('hex'))
  })

  it('keeps four chunks back from being overwritten', async () => {
    const kept: { chunk: Uint8Array; copy: Buffer }[] = []
    for await (const chunk of fileChunks(path)) {
      kept.push({ chunk, copy: Buffer.from(chunk) })
      for (const { chunk, copy } of kept.slice(-5)) expect(copy.equals(chunk)).toBe(true)
    }
    expect(Buffer.concat(kept.map(({ copy }) => copy)).equals(data)).toBe(true)
  })

  it('may be left early, and fails for a file that is not there', async () => {
    for await (const _ of fileChunks(path)) break
    await expect(fileChunks(join(folder, 'absent')).next()).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
