import { expect, it } from 'vitest'
import { ProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { execThroughAgent, pingAgent, readGuestFile } from './agent.ts'
import { type ScriptEvent, type ScriptedGuest, scriptedGuest } from './testing/scripted-guest.ts'

const connected: ScriptEvent = { atMs: 0, kind: 'agent', connected: true }

function setUp(
  events: readonly ScriptEvent[],
  agentReply?: (command: string) => unknown,
): { readonly guest: ScriptedGuest; readonly progress: Progress } {
  const seam = createFakeSeam()
  const guest = scriptedGuest(seam, events, agentReply === undefined ? {} : { agentReply })
  return { guest, progress: new Progress(seam, { deadlineMs: 10_000 }) }
}

it('C17: reads a file in chunks of at most 48 KiB and gives its handle back', async () => {
  const content = 'ä'.repeat(50_000)
  const { guest, progress } = setUp([connected, { atMs: 0, kind: 'file', path: '/f', content }])
  expect(await readGuestFile(progress, guest, '/f')).toBe(content)
  expect(guest.agentCalls).toEqual([
    'guest-file-open',
    'guest-file-read',
    'guest-file-read',
    'guest-file-read',
    'guest-file-close',
  ])
})

it('takes a file that cannot be opened for one that is not there', async () => {
  const { guest, progress } = setUp([connected])
  expect(await readGuestFile(progress, guest, '/f')).toBeUndefined()
})

it('tells a silent agent from an answer', async () => {
  const { guest, progress } = setUp([])
  expect(await pingAgent(progress, guest)).toBe(false)
  await expect(readGuestFile(progress, guest, '/f')).rejects.toMatchObject({ code: 'guest.agent-silent' })
})

it('gives the handle back when reading fails', async () => {
  const { guest, progress } = setUp(
    [connected, { atMs: 0, kind: 'file', path: '/f', content: 'x' }],
    (command) => {
      if (command === 'guest-file-read') throw new ProvisionError('guest.agent-silent', { message: 'Gone.' })
      return undefined
    },
  )
  await expect(readGuestFile(progress, guest, '/f')).rejects.toMatchObject({ code: 'guest.agent-silent' })
  expect(guest.agentCalls.at(-1)).toBe('guest-file-close')
})

it('waits for a program to end and decodes what it printed', async () => {
  let looks = 0
  const { guest, progress } = setUp([connected], (command) => {
    if (command !== 'guest-exec-status') return undefined
    const output = {
      'out-data': Buffer.from('ÄÖ\n').toString('base64'),
      'err-data': Buffer.from('no').toString('base64'),
    }
    return ++looks < 3 ? { exited: false } : { exited: true, exitcode: 2, ...output }
  })
  const result = await execThroughAgent(progress, guest, 'grep', ['x', '/f'])
  expect(result).toEqual({ exitCode: 2, stdout: 'ÄÖ\n', stderr: 'no' })
})
