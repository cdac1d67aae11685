import { describe, expect, it } from 'vitest'
import { Revert } from './revert.ts'

/** Makes a and b, then fails or succeeds; returns what was undone. */
async function make(end: 'succeed' | 'fail', undoB: () => void = () => {}) {
  const undone: string[] = []
  const failed: string[] = []
  const run = async (): Promise<void> => {
    await using revert = new Revert((what, error) => failed.push(`${what}: ${String(error)}`))
    revert.add('remove a', async () => void undone.push('a'))
    revert.add('remove b', async () => {
      undoB()
      undone.push('b')
    })
    if (end === 'fail') throw new Error('the third step failed')
    revert.success()
  }
  const error = await run().catch((error: unknown) => error)
  return { undone, failed, error }
}

describe('Revert', () => {
  it('undoes in reverse order when the scope is left by an error, and lets the error through', async () => {
    expect(await make('fail')).toEqual({
      undone: ['b', 'a'],
      failed: [],
      error: new Error('the third step failed'),
    })
  })

  it('keeps everything after success', async () => {
    expect(await make('succeed')).toEqual({ undone: [], failed: [], error: undefined })
  })

  it('goes on after an undo that fails, and tells which one it was', async () => {
    const { undone, failed, error } = await make('fail', () => {
      throw new Error('busy')
    })
    expect(undone).toEqual(['a'])
    expect(failed).toEqual(['remove b: Error: busy'])
    expect(error).toEqual(new Error('the third step failed'))
  })

  it('undoes only once', async () => {
    let times = 0
    const revert = new Revert()
    revert.add('count', async () => void times++)
    await revert[Symbol.asyncDispose]()
    await revert[Symbol.asyncDispose]()
    expect(times).toBe(1)
  })
})
