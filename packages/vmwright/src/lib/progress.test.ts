import type { ErrorCode } from '@vmwright/contract'
import { describe, expect, it } from 'vitest'
import { ProvisionError } from './errors.ts'
import { Progress, type ProgressReport } from './progress.ts'
import { createFakeSeam } from './testing/fake-seam.ts'

const never = async (): Promise<undefined> => undefined

describe('Progress', () => {
  it('shortens the deadline of a child and never lengthens it', () => {
    const progress = new Progress(createFakeSeam(), { deadlineMs: 1_000 })
    expect(progress.child({ timeoutMs: 300 }).remainingMs).toBe(300)
    expect(progress.child({ timeoutMs: 5_000 }).remainingMs).toBe(1_000)
    expect(progress.child().remainingMs).toBe(1_000)
  })

  it('has no limit unless one is given', () => {
    expect(new Progress(createFakeSeam()).remainingMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('polls until there is a result, and tells what it waits for', async () => {
    const seam = createFakeSeam()
    const reports: ProgressReport[] = []
    const progress = new Progress(seam, { report: (report) => reports.push(report) })
    let attempts = 0
    const result = await progress.poll({ everyMs: 100, what: 'the third time' }, async () =>
      ++attempts === 3 ? 'here' : undefined,
    )
    expect(result).toBe('here')
    expect(seam.monotonicMs()).toBe(200)
    expect(reports).toEqual([{ what: 'the third time' }])
  })

  it('is over when a timer that ends a little early has cut a call off', () => {
    const at = (deadlineMs: number): boolean => new Progress(createFakeSeam(), { deadlineMs }).isOver
    expect([at(0), at(0.7), at(1), at(2), at(Number.POSITIVE_INFINITY)]).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
  })

  it('looks once more at the deadline before it gives up', async () => {
    const seam = createFakeSeam()
    const progress = new Progress(seam, { deadlineMs: 250 })
    const at: number[] = []
    const outcome = progress.poll(
      { everyMs: 100, what: 'nothing' },
      async () => void at.push(seam.monotonicMs()),
    )
    await expect(outcome).rejects.toMatchObject({
      code: 'wait.timeout',
      message: 'Timed out waiting for nothing.',
    })
    expect(at).toEqual([0, 100, 200, 250])
  })

  it('times out also where the deadline cut an attempt off, and with no other failure', async () => {
    const seam = createFakeSeam()
    const progress = new Progress(seam, { deadlineMs: 250 })
    const failing = (code: ErrorCode) => async (): Promise<undefined> => {
      await progress.sleep(1_000)
      throw new ProvisionError(code, { message: 'The call failed.' })
    }
    const poll = (code: ErrorCode) => progress.poll({ everyMs: 100, what: 'an answer' }, failing(code))
    await expect(poll('host.timeout')).rejects.toMatchObject({ code: 'wait.timeout' })
    await expect(poll('host.unreachable')).rejects.toMatchObject({ code: 'host.unreachable' })
  })

  it('looks at once when it is woken, and then at its own pace', async () => {
    const seam = createFakeSeam()
    const wake = new AbortController()
    const progress = new Progress(seam, { deadlineMs: 250 })
    const at: number[] = []
    const look = async (): Promise<undefined> => {
      at.push(seam.monotonicMs())
      if (at.length === 1) queueMicrotask(() => wake.abort())
    }
    const poll = progress.poll({ everyMs: 200, what: 'an event', wake: wake.signal }, look)
    await expect(poll).rejects.toMatchObject({ code: 'wait.timeout' })
    expect(at).toEqual([0, 0, 200, 250])
  })

  it('gives up with the code that it was asked for', async () => {
    const progress = new Progress(createFakeSeam(), { deadlineMs: 10 })
    await expect(progress.poll({ everyMs: 5, what: 'a lock' }, never, 'host.locked')).rejects.toMatchObject({
      code: 'host.locked',
    })
  })

  it('ends a poll at once when cancelled, with the reason of the cancellation', async () => {
    const cancel = new AbortController()
    const seam = createFakeSeam()
    const progress = new Progress(seam, { signal: cancel.signal })
    const outcome = progress.poll({ everyMs: 60_000, what: 'nothing' }, never)
    cancel.abort(new Error('stop it'))
    await expect(outcome).rejects.toThrow('stop it')
    expect(seam.monotonicMs()).toBe(0)
  })

  it('cancels a child by its own signal, and not its parent', async () => {
    const [own, parent] = [new AbortController(), new Progress(createFakeSeam())]
    const child = parent.child({ signal: own.signal })
    own.abort(new Error('only the child'))
    expect(() => child.check()).toThrow('only the child')
    expect(() => parent.check()).not.toThrow()
  })

  it('cancels children with their parent, also those with a signal of their own', () => {
    const cancel = new AbortController()
    const progress = new Progress(createFakeSeam(), { signal: cancel.signal })
    const child = progress.child({ signal: new AbortController().signal }).child()
    cancel.abort(new Error('all of it'))
    expect(() => child.check()).toThrow('all of it')
  })

  it.each([
    [undefined, 30_000, 30_000],
    [500, 30_000, 500],
    [500, 100, 100],
    [0, 100, 1],
    [99.4, 1000, 100],
  ])('with %s ms left, gives a call that may take %s ms a limit of %s ms', (deadlineMs, maxMs, timeoutMs) => {
    const progress = new Progress(createFakeSeam(), deadlineMs === undefined ? {} : { deadlineMs })
    expect(progress.callOptions(maxMs).timeoutMs).toBe(timeoutMs)
  })
})
