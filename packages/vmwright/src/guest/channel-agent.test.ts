import { describe, expect, it } from 'vitest'
import type { GuestAccess } from '../hypervisor/guest-access.ts'
import { ProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { openAgentChannel } from './channel-agent.ts'

interface Call {
  readonly command: string
  readonly args: Readonly<Record<string, unknown>>
}

const commands = ['exec', 'exec-status', 'file-open', 'file-read', 'file-write', 'file-flush', 'file-close']
const refused = (message: string): ProvisionError => new ProvisionError('host.operation-failed', { message })

/** An agent in memory that runs nothing: what its commands would have written comes from `files`, by their ends. */
function setUp(options: {
  readonly files?: Readonly<Record<string, string>>
  /** How many looks it takes until a command has ended; absent: never. */
  readonly looks?: number
  readonly disabled?: readonly string[]
  readonly system?: string
  readonly silentAfter?: number
}) {
  const calls: Call[] = []
  const handles = new Map<number, { rest: Buffer }>()
  let nonce = ''
  let looks = 0
  const reply = ({ command, args }: Call): unknown => {
    switch (command) {
      case 'guest-info':
        return {
          supported_commands: [...commands, 'get-osinfo'].map((each) => ({
            name: `guest-${each}`,
            enabled: options.disabled?.includes(`guest-${each}`) !== true,
          })),
        }
      case 'guest-get-osinfo':
        return { id: options.system ?? 'debian' }
      case 'guest-exec': {
        const words = args['arg'] as readonly string[]
        nonce = /vmwright-(\w+)$/.exec(words[3] ?? '')?.[1] ?? nonce
        return { pid: calls.length }
      }
      case 'guest-exec-status': {
        const isEnding = calls.some(
          ({ args: { arg } }) => (arg as string[] | undefined)?.[1]?.includes('TERM') === true,
        )
        return isEnding || ++looks >= (options.looks ?? Infinity)
          ? { exited: true, exitcode: 3 }
          : { exited: false }
      }
      case 'guest-file-open': {
        const name = String(args['path']).replace(/.*\//, '')
        const content = options.files?.[name]
        if (content === undefined && args['mode'] === 'r') throw refused('No such file.')
        handles.set(calls.length, { rest: Buffer.from((content ?? '').replace('MARK', `vmwright:${nonce}`)) })
        return calls.length
      }
      case 'guest-file-read': {
        const file = handles.get(Number(args['handle'])) ?? { rest: Buffer.alloc(0) }
        const chunk = file.rest.subarray(0, Number(args['count']))
        file.rest = file.rest.subarray(chunk.length)
        return { count: chunk.length, 'buf-b64': chunk.toString('base64'), eof: file.rest.length === 0 }
      }
      case 'guest-file-write':
        return { count: Buffer.from(String(args['buf-b64']), 'base64').length }
      default:
        return {}
    }
  }
  const agent: GuestAccess['agent'] = async (_progress, command, args = {}) => {
    calls.push({ command, args })
    if (calls.length > (options.silentAfter ?? Infinity))
      throw new ProvisionError('guest.agent-silent', { message: 'Gone.' })
    return reply({ command, args })
  }
  const progress = new Progress(createFakeSeam(), { deadlineMs: 60_000 })
  const open = () => openAgentChannel(progress, { name: 'web-1', access: { agent } as GuestAccess })
  return { calls, progress, open }
}

const files = { '1.0': `MARK 7\n${'a'.repeat(70_000)}`, '1.1': 'ü', '2.0': 'su: no terminal\nMARK\nwrong' }

describe('a command', () => {
  it('G5: its outputs are put together from the files that they grow in', async () => {
    const { calls, open, progress } = setUp({ files, looks: 5 })
    const channel = await open()
    const seen: string[] = []
    const onOutput = (stream: string, text: string): void => void seen.push(`${stream} ${text.length}`)
    const end = await channel.run(progress, { script: 'x', onOutput })
    expect(end).toEqual({ exitCode: 3, stdout: `${'a'.repeat(70_000)}ü`, stderr: 'wrong' })
    expect(seen.length).toBeGreaterThan(2)
    const opened = calls.filter(({ command }) => command === 'guest-file-open').length
    const refusals = calls.filter(({ args }) => /\.[23]$|2\.1$/.test(String(args['path']))).length
    expect(calls.filter(({ command }) => command === 'guest-file-close').length).toBe(opened - refusals)
  })

  it('G5: its input and environment are in no argument list', async () => {
    const { calls, open, progress } = setUp({ files, looks: 1 })
    const channel = await open()
    await channel.run(progress, {
      script: 'secret-1',
      environment: { A: 'secret-2' },
      stdin: 'secret-3',
      args: ['secret-4'],
    })
    const started = calls.find(({ command }) => command === 'guest-exec')
    expect(JSON.stringify(started?.args['arg'])).not.toContain('secret-')
    const input = Buffer.from(String(started?.args['input-data']), 'base64').toString()
    for (const part of [1, 2, 3, 4]) expect(input).toContain(`secret-${part}`)
  })

  it('G5: at the time limit it is ended in the guest', async () => {
    const { calls, open, progress } = setUp({ files })
    const channel = await open()
    const limited = progress.child({ timeoutMs: 3_000 })
    await expect(channel.run(limited, { script: 'sleep 1000' })).rejects.toMatchObject({
      code: 'wait.timeout',
    })
    const execs = calls.filter(({ command }) => command === 'guest-exec')
    const started = calls.indexOf(execs[0] as Call) + 1
    const ending = execs.at(-1)?.args['arg'] as readonly string[] | undefined
    expect(ending?.slice(2)).toEqual(['sh', String(started)])
    expect(channel.alive).toBe(true)
  })

  it('G5: looks less and less often at one that says nothing', async () => {
    const { calls, open, progress } = setUp({ files: { '1.0': 'MARK 7\n', '2.0': 'MARK\n' } })
    const channel = await open()
    await channel.run(progress.child({ timeoutMs: 20_000 }), { script: 'sleep 1000' }).catch(() => {})
    expect(calls.filter(({ command }) => command === 'guest-exec-status').length).toBeLessThan(60)
  })

  it('G5: what says why it did not start is told', async () => {
    const { open, progress } = setUp({ files: { '2.0': 'su: user bob does not exist\n' }, looks: 1 })
    const channel = await open()
    await expect(channel.run(progress, { script: 'x', user: 'bob' })).rejects.toMatchObject({
      code: 'guest.command-failed',
      message: expect.stringContaining('user bob does not exist') as string,
    })
  })

  it.each(Array.from({ length: 12 }, (_each, index) => index + 3))(
    'G5: an agent that is silent from call %i on is guest.agent-silent',
    async (silentAfter) => {
      const { open, progress } = setUp({ files, silentAfter })
      const work = async () => await (await open()).run(progress, { script: 'x' })
      await expect(work()).rejects.toMatchObject({ code: 'guest.agent-silent' })
    },
  )
})

it('G5: sends no request of more than 48 KiB', async () => {
  const { calls, open, progress } = setUp({ files, looks: 1 })
  const channel = await open()
  await channel.run(progress, { script: 'cat', stdin: Buffer.alloc(200_000) })
  const sizes = calls
    .flatMap(({ args }) => [args['buf-b64'], args['input-data']])
    .map((text) => String(text ?? '').length)
  expect(Math.max(...sizes)).toBe((48 * 1024 * 4) / 3)
})

it.each([
  [{ disabled: ['guest-exec'] }, /guest-exec is blocked/],
  [{ disabled: ['guest-exec', 'guest-file-open'] }, /guest-exec, guest-file-open are blocked/],
  [{ system: 'mswindows' }, /Windows guest/],
])('G5: says why it cannot be used: %j', async (options, message) => {
  await expect(setUp(options).open()).rejects.toMatchObject({
    code: 'guest.connection-unsupported',
    message: expect.stringMatching(message) as string,
  })
})
