import { describe, expect, it } from 'vitest'
import { createFakeSeam, type FakeSeam, Killed } from './fake-seam.ts'

const make = (object: string) => ({ kind: 'make', object, mutates: true })
const read = { kind: 'read', object: 'a', mutates: false }

/** Makes a, b and c; returns what was really made and how it ended. */
async function makeThree(seam: FakeSeam) {
  const made: string[] = []
  const run = async (): Promise<void> => {
    for (const object of ['a', 'b', 'c']) {
      await seam.effect(read, async () => {})
      await seam.effect(make(object), async () => void made.push(object))
    }
  }
  const error = await run().catch((error: unknown) => error)
  return { made: made.join(''), error }
}

describe('the fake seam', () => {
  it.each<[string, (seam: FakeSeam) => void, string, unknown]>([
    ['without faults', () => {}, 'abc', undefined],
    ['killed before the 2nd', (seam) => seam.killAt(2, 'before'), 'a', expect.any(Killed)],
    ['killed after the 2nd', (seam) => seam.killAt(2, 'after'), 'ab', expect.any(Killed)],
    ['failed at the 2nd', (seam) => seam.failAt(2, new Error('no')), 'a', new Error('no')],
    [
      'timed out after the 2nd',
      (seam) => seam.timeoutAfterAt(2),
      'ab',
      expect.objectContaining({ code: 'host.timeout' }),
    ],
  ])('does exactly what is left of a run that is %s', async (_what, spoil, made, error) => {
    const seam = createFakeSeam()
    spoil(seam)
    expect(await makeThree(seam)).toEqual({ made, error })
  })

  it('lets nothing happen any more once it is dead: no effect, no read, no sleep', async () => {
    const seam = createFakeSeam()
    const asleep = seam.sleep(1_000)
    seam.kill()
    await expect(asleep).rejects.toThrow(Killed)
    await expect(seam.sleep(1)).rejects.toThrow(Killed)
    await expect(seam.effect(read, async () => {})).rejects.toThrow(Killed)
    expect((await makeThree(seam)).made).toBe('')
  })

  it('keeps a journal and numbers mutations from 1', async () => {
    const seam = createFakeSeam()
    await makeThree(seam)
    expect(seam.effects.map(({ kind, ordinal }) => `${kind} ${ordinal}`)).toEqual([
      'read 0',
      'make 1',
      'read 0',
      'make 2',
      'read 0',
      'make 3',
    ])
    expect(seam.mutations.map(({ object }) => object)).toEqual(['a', 'b', 'c'])
  })

  it('repeats random faults and random bytes by seed', async () => {
    const outcome = async (seed: number) => {
      const seam = createFakeSeam({ seed, faultProbability: 0.3 })
      const { made, error } = await makeThree(seam)
      return `${made} ${String(error)} ${seam.randomBytes(4).join()}`
    }
    const all = await Promise.all(Array.from({ length: 30 }, (_, seed) => outcome(seed)))
    expect(await Promise.all(Array.from({ length: 30 }, (_, seed) => outcome(seed)))).toEqual(all)
    expect(new Set(all.map((text) => text.replace(/ [\d,]+$/, ''))).size).toBeGreaterThan(4)
  })

  it('lets hours pass at once, and wakes sleepers in order', async () => {
    const seam = createFakeSeam({ startMs: 5_000 })
    const woken: string[] = []
    const nap = async (name: string, ms: number): Promise<void> => {
      await seam.sleep(ms)
      woken.push(`${name} at ${seam.monotonicMs()}`)
    }
    await Promise.all([nap('long', 3_600_000), nap('short', 10), nap('also short', 10), nap('none', 0)])
    expect(woken).toEqual(['none at 0', 'short at 10', 'also short at 10', 'long at 3600000'])
    expect(seam.nowMs()).toBe(3_605_000)
  })

  it('wakes a sleeper by its signal, with the reason and without time passing', async () => {
    const seam = createFakeSeam()
    const cancel = new AbortController()
    const asleep = seam.sleep(Number.POSITIVE_INFINITY, cancel.signal)
    cancel.abort(new Error('enough'))
    await expect(asleep).rejects.toThrow('enough')
    expect(seam.monotonicMs()).toBe(0)
  })
})
