import { expect, it } from 'vitest'
import type { Guestfish } from './conversation.ts'
import { CommandFailed, runCommand, titleOf } from './run.ts'

const answering = (lines: readonly string[]): Guestfish => ({
  ask: async () => lines,
  attempt: async () => lines,
})
const run = async (lines: readonly string[], title?: string) => {
  const written: string[] = []
  const change = {
    kind: 'run',
    command: 'make\nmake install',
    ...(title === undefined ? {} : { title }),
  } as const
  const failure = await runCommand(answering(lines), change, async (path, content) => {
    written.push(`${path}: ${content}`)
  }).then(
    () => undefined,
    (error: unknown) => error,
  )
  return { written, failure }
}

it('K7: a command is written into a file of the guest and forgotten when it succeeds', async () => {
  expect(await run(['done', '', 'status 0'])).toEqual({
    written: ['/.vmwright-run: make\nmake install\n'],
    failure: undefined,
  })
})

it('K7: a failure has the status and the last lines, whatever these look like', async () => {
  const { failure } = await run(['status 0', '', 'E: no such package', '', 'status 100'], 'install nginx')
  expect(failure).toBeInstanceOf(CommandFailed)
  expect(failure).toMatchObject({
    title: 'install nginx',
    status: 100,
    lastLines: ['status 0', 'E: no such package'],
  })
})

it('K7: silence is no success', async () => {
  expect((await run([])).failure).toMatchObject({ status: 1, lastLines: [] })
})

it('K7: a command without a title is told by its first line', () => {
  expect(titleOf({ kind: 'run', command: '\necho a\necho b\n' })).toBe('run `echo a`')
})
