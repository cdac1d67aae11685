import { describe, expect, it } from 'vitest'
import { hooksFromEnvironment, realSeam } from './seam.ts'

const make = { kind: 'file.write', object: 'a', mutates: true }
const read = { kind: 'file.read', object: 'a', mutates: false }

describe('realSeam', () => {
  it('numbers what changes something from 1, and reads with 0', async () => {
    const seen: string[] = []
    const seam = realSeam({
      before: (effect, ordinal) => void seen.push(`before ${effect.kind} ${ordinal}`),
      after: (effect, ordinal) => void seen.push(`after ${effect.kind} ${ordinal}`),
    })
    for (const effect of [make, read, make]) expect(await seam.effect(effect, async () => 7)).toBe(7)
    expect(seen).toEqual([
      'before file.write 1',
      'after file.write 1',
      'before file.read 0',
      'after file.read 0',
      'before file.write 2',
      'after file.write 2',
    ])
  })

  it('lets the failure of an effect through', async () => {
    const failing = realSeam().effect(make, async () => {
      throw new Error('no space')
    })
    await expect(failing).rejects.toThrow('no space')
  })

  it('does not sleep when already cancelled, and wakes with the reason when cancelled', async () => {
    const cancel = new AbortController()
    const sleeping = realSeam().sleep(60_000, cancel.signal)
    cancel.abort(new Error('enough'))
    await expect(sleeping).rejects.toThrow('enough')
    await expect(realSeam().sleep(60_000, cancel.signal)).rejects.toThrow('enough')
  })

  it.each([Number.POSITIVE_INFINITY, 2 ** 40])(
    'does not take a sleep of %d ms for a short one',
    async (ms) => {
      const cancel = new AbortController()
      const slept = realSeam()
        .sleep(ms, cancel.signal)
        .then(
          () => 'woke up',
          (error: Error) => error.message,
        )
      setTimeout(() => cancel.abort(new Error('still asleep')), 20)
      expect(await slept).toBe('still asleep')
    },
  )
})

describe('hooksFromEnvironment', () => {
  it.each([
    [undefined, []],
    ['', []],
    ['kill:sometimes:3', []],
    ['kill:before:x', []],
    ['kill:before:3', ['before']],
    ['kill:after:12', ['after']],
  ])('reads %j', (value, hooks) => {
    expect(Object.keys(hooksFromEnvironment(value))).toEqual(hooks)
  })

  it('does nothing at the other effects', () => {
    expect(hooksFromEnvironment('kill:before:3').before?.(make, 2)).toBeUndefined()
  })
})
