import { afterEach, beforeEach } from 'vitest'
import { hex, type Publisher, startPublisher } from './publisher.ts'
import { makeTestFolder, type TestFolder } from './setup.ts'

export const first = Buffer.alloc(300_000, 'first version ')
export const second = Buffer.alloc(310_000, 'second version ')

/** The name in the cache of a published `disk.raw`. */
export const nameOf = (content: Buffer): string => `disk-${hex('sha512', content).slice(0, 16)}.raw`

/** Gives each test an empty cache and a publisher of `first` as the latest `disk.raw`. */
export function publishForEachTest(): { readonly publisher: Publisher; readonly cache: TestFolder } {
  let publisher: Publisher
  let cache: TestFolder
  beforeEach(async () => {
    publisher = await startPublisher()
    cache = await makeTestFolder()
    publisher.publish('/latest', { 'disk.raw': first })
  })
  afterEach(async () => {
    await publisher[Symbol.asyncDispose]()
    await cache[Symbol.asyncDispose]()
  })
  return {
    get publisher() {
      return publisher
    },
    get cache() {
      return cache
    },
  }
}
