import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureImage } from './ensure.ts'
import { planPrune, runPrune } from './prune.ts'
import { scanCache } from './scan.ts'
import { buildSource, instantBuild } from './testing/build-source.ts'
import { contextIn, imageOf, makeTestFolder, quietProgress, type TestFolder } from './testing/setup.ts'

let cache: TestFolder
beforeEach(async () => {
  cache = await makeTestFolder()
})
afterEach(() => cache[Symbol.asyncDispose]())

const build = instantBuild('ab'.repeat(32), '{"packages":{"base-files":"12.4"}}\n')
const image = imageOf(buildSource)
const name = 'debian-bookworm-abababababababab.qcow2'

describe('the manifest of a built image', () => {
  it('stays beside its image, is no image itself, and goes with it', async () => {
    await ensureImage(quietProgress(), image, contextIn(cache.path, { build }))

    expect(await readFile(join(cache.path, `${name}.packages.json`), 'utf8')).toContain('base-files')
    expect(await cache.list()).toEqual([
      name,
      `${name}.json`,
      `${name}.packages.json`,
      'debian-bookworm.qcow2',
    ])
    const files = await scanCache(cache.path)
    expect(files.map((file) => file.fileName)).toEqual([name])

    const options = { all: true, nowMs: Date.now(), unfinishedForMs: 1 }
    await runPrune(quietProgress(), cache.path, planPrune(files, [], options))
    expect(await cache.list()).toEqual([])
  })
})
