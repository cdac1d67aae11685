import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Effect } from '../lib/seam.ts'
import type { ImageSpec } from '../spec/resolved.ts'
import { ensureImage } from './ensure.ts'
import { openLockFile } from './lockfile.ts'
import { buildSource, instantBuild } from './testing/build-source.ts'
import { hex, type Publisher, startPublisher } from './testing/publisher.ts'
import {
  contextIn,
  imageOf,
  makeTestFolder,
  quickSeam,
  quietProgress,
  type TestFolder,
  urlSource,
} from './testing/setup.ts'

const content = Buffer.alloc(200_000, 'content ')
const build = instantBuild('cd'.repeat(32))

let publisher: Publisher
beforeAll(async () => {
  publisher = await startPublisher()
  publisher.publish('/latest', { 'disk.raw': content })
})
afterAll(() => publisher[Symbol.asyncDispose]())

const specs: Readonly<Record<string, () => ImageSpec>> = {
  download: () => imageOf(urlSource(publisher.url)),
  pinned: () => imageOf(urlSource(publisher.url, { pinnedDigest: hex('sha256', content) })),
  build: () => imageOf(buildSource),
}

/** One run in a process that dies around its N-th change: from then on nothing happens any more. */
async function run(folder: TestFolder, image: ImageSpec, death?: { at: number; when: 'before' | 'after' }) {
  const seen: Effect[] = []
  const real = quickSeam()
  let isDead = false
  const dead = (): never => {
    isDead = true
    throw new Error('killed')
  }
  const seam = quickSeam({
    async effect(effect, effectRun) {
      if (isDead) dead()
      if (effect.mutates) seen.push(effect)
      const isTheOne = effect.mutates && seen.length === death?.at
      if (isTheOne && death.when === 'before') dead()
      const result = await real.effect(effect, effectRun)
      if (isTheOne) dead()
      return result
    },
  })
  const lock = await openLockFile(join(folder.path, 'vmwright.lock.json'))
  const context = contextIn(join(folder.path, 'cache'), { lock, build })
  const result = await ensureImage(quietProgress(seam), image, context).catch(() => undefined)
  return { result, changes: seen.length }
}

describe.each(Object.keys(specs))('C1: killed around every change of a %s', (name) => {
  it('nothing wrong has a final name, and the next run completes it and leaves no stray file', async () => {
    const image = specs[name]?.() as ImageSpec
    await using reference = await makeTestFolder()
    const { result, changes } = await run(reference, image)
    const complete = await reference.list()
    expect(changes).toBeGreaterThan(5)

    for (let at = 1; at <= changes; at++) {
      for (const when of ['before', 'after'] as const) {
        await using folder = await makeTestFolder()
        const killed = await run(folder, image, { at, when })
        expect(killed.result).toBeUndefined()
        for (const file of await folder.list()) {
          if (!/-[0-9a-f]{16}\.(raw|qcow2)$/.test(file)) continue
          expect(hex('sha256', await readFile(join(folder.path, file))), `${file} after kill ${at}`).toBe(
            result?.sha256,
          )
        }
        const again = await run(folder, image)
        expect(again.result?.sha256, `kill ${when} ${at}`).toBe(result?.sha256)
        expect(await folder.list(), `kill ${when} ${at}`).toEqual(complete)
      }
    }
  })
})
