import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Progress } from '../lib/progress.ts'
import { realSeam } from '../lib/seam.ts'
import { openAgentChannel } from './channel-agent.ts'
import { channelSuite, whole } from './testing/channel-suite.ts'
import { type TestAgent, startAgent, whyNoAgent } from './testing/qemu-ga.ts'

let agent: TestAgent
let folder: string
let progress: Progress
const open = () => openAgentChannel(progress, { name: 'web-1', access: agent.access })

beforeEach(async ({ skip }) => {
  const why = whyNoAgent()
  skip(why !== undefined, why)
  const seam = realSeam()
  progress = new Progress(seam, { deadlineMs: seam.monotonicMs() + 50_000 })
  agent = await startAgent()
  folder = await mkdtemp(join(tmpdir(), 'vmwright-guest-'))
})
afterEach(async () => {
  await agent?.[Symbol.asyncDispose]()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

it.each(channelSuite)('G5: %s', async (_title, check) => {
  await using channel = await open()
  await check(progress, channel, folder)
  expect(agent.largestReply).toBeLessThan(70_000)
})

it('G5: leaves nothing in /run', async () => {
  const before = await readdir('/run')
  {
    await using channel = await open()
    await channel.run(progress, { script: 'echo one' })
    await channel.run(progress, { script: 'cat >/dev/null', stdin: Buffer.alloc(100_000) })
  }
  const left = async () => ((await readdir('/run')).length > before.length ? undefined : true)
  expect(await progress.poll({ everyMs: 20, what: '/run to be as it was' }, left)).toBe(true)
})

it('G5: an agent that dies in the middle is silent, at once', async () => {
  const channel = await open()
  const onOutput = (): void => agent.kill()
  await expect(channel.run(progress, { script: 'echo x; sleep 3', onOutput })).rejects.toMatchObject({
    code: 'guest.agent-silent',
  })
  await expect(channel.get(progress, '/etc/hostname')).rejects.toMatchObject({ code: 'guest.agent-silent' })
})

it('G5: an agent that was started again has forgotten the command', async () => {
  const first = agent
  const later = { ...first.access }
  const channel = await openAgentChannel(progress, { name: 'web-1', access: later })
  await using second = await startAgent()
  const onOutput = (): void => void (later.agent = second.access.agent)
  await expect(channel.run(progress, { script: 'echo x; sleep 2', onOutput })).rejects.toMatchObject({
    code: 'guest.agent-silent',
    message: expect.stringContaining('started again') as string,
  })
})

it('G5: an agent that may not run commands is told with the remedy', async () => {
  await using limited = await startAgent(['guest-exec', 'guest-file-open'])
  await expect(openAgentChannel(progress, { name: 'rhel', access: limited.access })).rejects.toMatchObject({
    code: 'guest.connection-unsupported',
    message: expect.stringMatching(/guest-exec, guest-file-open are blocked/) as string,
    hint: expect.stringContaining('/etc/sysconfig/qemu-ga') as string,
  })
})

it('G5: moves 20 MB in pieces of 48 KiB', async () => {
  await using channel = await open()
  const content = Buffer.alloc(20_000_000, 'vmwright')
  await channel.put(progress, { path: `${folder}/large`, content, mode: 0o600 })
  expect(Buffer.compare(await whole(await channel.get(progress, `${folder}/large`)), content)).toBe(0)
  expect(agent.calls.filter((call) => call === 'guest-file-write').length).toBe(
    Math.ceil(20_000_000 / 49_152),
  )
})
