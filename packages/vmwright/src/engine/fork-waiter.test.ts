import { expect, it } from 'vitest'
import type { GuestAccess } from '../hypervisor/guest-access.ts'
import { ProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { newForkIdentity } from './fork-identity.ts'
import { reidentify } from './fork-reidentify.ts'
import { startWaiter, stopWaiter } from './fork-waiter.ts'
import { waiterPath, waiterScript } from './fork-waiter-script.ts'

interface Asked {
  readonly command: string
  readonly args: Readonly<Record<string, unknown>>
}

const macs = [{ from: '52:54:00:00:00:01', to: '52:54:00:00:00:02' }]

/** A guest whose agent answers as told, one answer after the other, the last again and again. */
function scripted(replies: Readonly<Record<string, readonly unknown[]>>) {
  const asked: Asked[] = []
  const agent: GuestAccess['agent'] = async (_progress, command, args = {}) => {
    const count = asked.filter((each) => each.command === command).length
    asked.push({ command, args })
    const answers = replies[command] ?? []
    const answer = answers[Math.min(count, answers.length - 1)]
    if (answer === undefined || answer instanceof Error)
      throw answer ?? new ProvisionError('host.operation-failed', { message: `no ${command}` })
    return answer
  }
  return { asked, guest: { agent } as unknown as GuestAccess }
}

const progress = () => new Progress(createFakeSeam({ seed: 4 }), {})
const decoded = (value: unknown): string => Buffer.from(String(value), 'base64').toString('utf8')
const refused = new ProvisionError('host.operation-failed', { message: 'no such file' })

const noneFree = Promise.resolve([])
const running = { exited: false }
const done = { exited: true, exitcode: 0 }
const usual = {
  'guest-exec': [{ pid: 7 }],
  'guest-exec-status': [running, running, done],
  'guest-file-open': [refused, 1000],
  'guest-file-write': [{ count: 5 }],
  'guest-file-flush': [{}],
  'guest-file-close': [{}],
}

it('X9: a process waits in the guest before it is frozen, knows the coming addresses, and no secret', async () => {
  const { guest, asked } = scripted(usual)
  const cards = [...macs, { from: '52:54:00:00:00:01', to: '52:54:00:00:00:03' }]
  const free = [
    { mac: '52:54:00:00:00:03', address: '192.0.2.7', server: '192.0.2.1', former: ['192.0.2.5'] },
  ]
  expect(await startWaiter(progress(), guest, cards, Promise.resolve(free))).toEqual({ pid: 7, handle: 1000 })
  const [exec] = asked.filter(({ command }) => command === 'guest-exec')
  expect(exec?.args).toMatchObject({ path: '/usr/bin/perl', arg: ['-', waiterPath] })
  expect(decoded(exec?.args['input-data'])).toBe(waiterScript)
  const said = asked.filter(({ command }) => command === 'guest-file-write')
  expect(said.map(({ args }) => decoded(args['buf-b64']))).toEqual([
    '52:54:00:00:00:01 52:54:00:00:00:02\n52:54:00:00:00:01 52:54:00:00:00:03 192.0.2.7 192.0.2.1 192.0.2.5\nhere\n',
  ])
})

it('X9: a fork is told who it is through the pipe alone', async () => {
  const { guest, asked } = scripted(usual)
  const identity = newForkIdentity(progress(), 'web-fork-1', macs)
  await reidentify(progress(), guest, identity, { pid: 7, handle: 1000 })
  expect(asked.map(({ command }) => command)).toEqual([
    'guest-file-write',
    'guest-file-close',
    'guest-exec-status',
    'guest-exec-status',
    'guest-exec-status',
  ])
  const told = decoded(asked[0]?.args['buf-b64'])
  expect(told.split('\n')[0]).toMatch(
    new RegExp(`^web-fork-1 ${identity.machineId} ${identity.instanceId} [0-9.]+ [0-9a-f]{128}$`),
  )
  expect(told.split('\n')[1]).toBe('52:54:00:00:00:01=52:54:00:00:00:02')
  for (const { privateKey } of identity.hostKeys) expect(told).toContain(privateKey.reveal().trimEnd())
  // A pipe takes so much in one piece.
  expect(told.length).toBeLessThan(4_096)
  expect(told.endsWith('\nend\n')).toBe(true)
})

it('X9: in the original the process ends, and its end is heard', async () => {
  const { guest, asked } = scripted(usual)
  await stopWaiter(progress(), guest, { pid: 7, handle: 1000 })
  expect(decoded(asked[0]?.args['buf-b64'])).toBe('stop\n')
  expect(asked.map(({ command }) => command)).toContain('guest-file-close')
  expect(asked.at(-1)).toEqual({ command: 'guest-exec-status', args: { pid: 7 } })
})

it.each([
  ['has no perl', { ...usual, 'guest-exec': [refused] }],
  ['ends at once', { ...usual, 'guest-file-open': [refused], 'guest-exec-status': [done] }],
  ['never says that it waits', { ...usual, 'guest-file-open': [refused], 'guest-exec-status': [running] }],
])('X9: nothing waits in a guest where the process %s', async (_what, replies) => {
  expect(await startWaiter(progress(), scripted(replies).guest, macs, noneFree)).toBeUndefined()
})

it.each([
  ['cannot be told', { ...usual, 'guest-file-write': [refused], 'guest-exec-status': [done] }],
  ['fails', { ...usual, 'guest-exec-status': [{ exited: true, exitcode: 6 }, done] }],
])(
  'X9: where the process %s, a script does its work, with secrets on its standard input',
  async (_what, replies) => {
    const { guest, asked } = scripted(replies)
    const identity = newForkIdentity(progress(), 'web-fork-1', macs)
    await reidentify(progress(), guest, identity, { pid: 7, handle: 1000 })
    const exec = asked.find(({ command }) => command === 'guest-exec')
    expect(exec?.args['path']).toBe('/bin/sh')
    for (const { privateKey } of identity.hostKeys) {
      const secret = privateKey.reveal().trimEnd()
      expect(decoded(exec?.args['input-data'])).toContain(secret)
      expect(String(exec?.args['arg'])).not.toContain(secret.split('\n')[1])
    }
  },
)
