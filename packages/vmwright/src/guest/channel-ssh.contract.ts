import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { generateHostKeys } from '../cloudinit/host-keys.ts'
import { Progress } from '../lib/progress.ts'
import { realSeam } from '../lib/seam.ts'
import { Secret } from '../lib/secret.ts'
import type { GuestChannel } from './channel.ts'
import { sshChannel } from './channel-ssh.ts'
import type { SshTarget } from './ssh-client.ts'
import { connectThrough } from './ssh-jump.ts'
import { channelSuite, commandsLike, whole } from './testing/channel-suite.ts'
import { type TestSshd, startSshd, testPassword, whyNoSshd, whyNoUsers } from './testing/sshd.ts'

const seam = realSeam()
let sshd: TestSshd | undefined
let folder: string
let progress: Progress

const why = whyNoSshd() ?? whyNoUsers()
beforeAll(async () => {
  if (why === undefined) sshd = await startSshd()
})
afterAll(() => sshd?.[Symbol.asyncDispose]())

beforeEach(async ({ skip }) => {
  skip(why !== undefined, why)
  progress = new Progress(seam, { deadlineMs: seam.monotonicMs() + 55_000 })
  folder = await mkdtemp(join(tmpdir(), 'vmwright-guest-'))
})
afterEach(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

function server(): TestSshd {
  if (sshd === undefined) throw new Error('no sshd')
  return sshd
}

async function open(
  changes: Partial<SshTarget> = {},
  jumps: readonly SshTarget[] = [],
  to: TestSshd = server(),
): Promise<GuestChannel> {
  const target = to.target(changes)
  const { end, close } = await connectThrough(progress, jumps, target)
  return sshChannel({ client: end, target, close })
}

it.each(channelSuite)('G5: %s', async (_title, check) => {
  await using channel = await open()
  await check(progress, channel, folder)
})

describe('many commands', () => {
  it('G5: runs 1,000 short ones on one connection', { timeout: 120_000 }, async () => {
    const long = new Progress(seam, { deadlineMs: seam.monotonicMs() + 110_000 })
    await using channel = await open()
    const served = await server().connections()
    for (let round = 0; round < 1_000; round++) {
      const end = await channel.run(long, { script: 'echo "$1"; echo "$1" >&2', args: [String(round)] })
      expect(end).toEqual({ exitCode: 0, stdout: `${round}\n`, stderr: `${round}\n` })
    }
    expect(await server().connections()).toEqual(served)
  })

  it('G5: runs many at once, more than sshd allows sessions', async () => {
    await using channel = await open()
    const rounds = Array.from({ length: 40 }, (_each, index) => String(index))
    const ends = await Promise.all(
      rounds.map((round) => channel.run(progress, { script: 'sleep 0.05; echo "$1"', args: [round] })),
    )
    expect(ends.map(({ stdout }) => stdout.trim())).toEqual(rounds)
  })

  it('G5: a cancelled one that waits for its turn gives it up', async () => {
    await using channel = await open()
    const running = Array.from({ length: 8 }, () => channel.run(progress, { script: 'sleep 0.5' }))
    const cancel = new AbortController()
    const waiting = channel.run(progress.child({ signal: cancel.signal }), { script: 'true' })
    cancel.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await Promise.all(running)
    expect((await channel.run(progress, { script: 'echo on' })).stdout).toBe('on\n')
  })
})

describe('connections that break', () => {
  it('G5: sshd killed in the middle is guest.port-closed, at once', async () => {
    await using alone = await startSshd()
    await using channel = await open({}, [], alone)
    const startedMs = performance.now()
    const kill = async (): Promise<void> => {
      for (const pid of await alone.connections()) process.kill(pid, 'SIGKILL')
    }
    const run = channel.run(progress, { script: 'echo x; sleep 7720', onOutput: () => void kill() })
    await expect(run).rejects.toMatchObject({ code: 'guest.port-closed' })
    expect(performance.now() - startedMs).toBeLessThan(5_000)
    expect(channel.alive).toBe(false)
    await expect(channel.run(progress, { script: 'true' })).rejects.toMatchObject({
      code: 'guest.port-closed',
    })
    for (const pid of await pidsOf('sleep\x007720')) process.kill(pid)
  })

  it('G5: a file that a broken connection cut off does not get its name', async () => {
    await using alone = await startSshd()
    await using channel = await open({}, [], alone)
    const path = `${folder}/cut`
    const content = (async function* () {
      yield Buffer.alloc(300_000)
      for (const pid of await alone.connections()) process.kill(pid, 'SIGKILL')
      await new Promise((resolve) => setTimeout(resolve, 200))
      yield Buffer.alloc(300_000)
    })()
    await expect(channel.put(progress, { path, content, mode: 0o600 })).rejects.toMatchObject({
      code: 'guest.port-closed',
    })
    const isGone = async () => ((await readdir(folder)).length === 0 ? true : undefined)
    expect(await progress.poll({ everyMs: 50, what: 'the folder to be empty' }, isGone)).toBe(true)
  })
})

describe('logins', () => {
  it.each([
    ['vmw-free', { user: 'vmw-free' }],
    ['vmw-asked', { user: 'vmw-asked', password: new Secret(testPassword) }],
    ['vmw-asked', { user: 'vmw-asked', privateKey: undefined, password: new Secret(testPassword) }],
  ])('G5: %s becomes root by sudo and works on files of root', async (_user, changes) => {
    await using channel = await open(changes)
    expect((await channel.run(progress, { script: 'id -un; cat', stdin: 'x', user: 'root' })).stdout).toBe(
      'root\nx',
    )
    const path = `${folder}/of-root`
    await channel.put(progress, { path, content: Buffer.from('mine'), mode: 0o600, user: 'root' })
    await expect(channel.get(progress, path)).rejects.toMatchObject({ code: 'guest.file-missing' })
    expect((await whole(await channel.get(progress, path, 'root'))).toString()).toBe('mine')
    expect((await channel.run(progress, { script: 'id -un' })).stdout.trim()).toBe(changes.user)
  })

  it.each([
    ['without sudo', { user: 'vmw-none' }, 'a password is required'],
    ['that sudo does not know', { user: 'vmw-none', password: new Secret(testPassword) }, 'sudoers'],
    ['with a wrong password', { user: 'vmw-asked', password: new Secret('wrong') }, 'incorrect'],
  ])('G5: a user %s is told so, and the channel works on', async (_case, changes, said) => {
    await using channel = await open(changes)
    await expect(channel.run(progress, { script: 'id', user: 'root' })).rejects.toMatchObject({
      code: 'guest.command-failed',
      message: expect.stringContaining(said) as string,
    })
    expect((await channel.run(progress, { script: 'echo on' })).stdout).toBe('on\n')
  })

  it('G5: ends commands of root at the time limit', async () => {
    await using channel = await open({ user: 'vmw-asked', password: new Secret(testPassword) })
    const limited = progress.child({ timeoutMs: 800 })
    await expect(channel.run(limited, { script: 'sleep 7730 | cat', user: 'root' })).rejects.toMatchObject({
      code: 'wait.timeout',
    })
    expect(await commandsLike('sleep 7730')).toEqual([])
    expect(channel.alive).toBe(true)
  })

  it('G5: a wrong password is guest.ssh-refused and is nowhere in the error', async () => {
    const attempt = open({ user: 'vmw-free', privateKey: undefined, password: new Secret('not-this-one') })
    const error = await attempt.catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'guest.ssh-refused',
      message: expect.stringContaining('with the password') as string,
    })
    expect(JSON.stringify(error)).not.toContain('not-this-one')
  })

  it('G5: noise from start files of the login shell is no output of a command', async () => {
    await using noisy = await startSshd([
      'ForceCommand echo noise; echo noise >&2; eval "$SSH_ORIGINAL_COMMAND"',
    ])
    await using channel = await open({}, [], noisy)
    expect(await channel.run(progress, { script: 'echo x' })).toEqual({
      exitCode: 0,
      stdout: 'x\n',
      stderr: '',
    })
  })

  it('G5: a login shell that runs no commands is told', async () => {
    await using closed = await startSshd(['ForceCommand echo "This account is not available."; exit 1'])
    await using channel = await open({}, [], closed)
    await expect(channel.run(progress, { script: 'true' })).rejects.toMatchObject({
      code: 'guest.command-failed',
      message: expect.stringContaining('did not start /bin/sh') as string,
    })
  })
})

describe('jump hosts', () => {
  it('G5: goes through two, each known by its key', async () => {
    await using first = await startSshd()
    await using second = await startSshd()
    await using channel = await open({}, [first.target(), second.target({ user: 'vmw-none' })])
    expect((await channel.run(progress, { script: 'echo through' })).stdout).toBe('through\n')
    await channel.put(progress, { path: `${folder}/f`, content: Buffer.alloc(2_000_000), mode: 0o600 })
    expect((await stat(`${folder}/f`)).size).toBe(2_000_000)
    expect((await first.connections()).length).toBeGreaterThan(0)
    expect((await second.connections()).length).toBeGreaterThan(0)
  })

  it('G5: a foreign key of a jump host, or behind it, ends the way', async () => {
    await using jump = await startSshd()
    const hostKeys = generateHostKeys().map((key) => key.publicKey)
    await expect(open({}, [jump.target({ hostKeys })])).rejects.toMatchObject({
      code: 'guest.host-key-mismatch',
    })
    await expect(open({ hostKeys }, [jump.target()])).rejects.toMatchObject({
      code: 'guest.host-key-mismatch',
    })
  })

  it('G5: what the jump host cannot reach is guest.port-closed', async () => {
    await using jump = await startSshd()
    await expect(open({ port: 1 }, [jump.target()])).rejects.toMatchObject({ code: 'guest.port-closed' })
  })
})

it('G5: moves 200 MiB without holding it', { timeout: 120_000 }, async () => {
  const long = new Progress(seam, { deadlineMs: seam.monotonicMs() + 110_000 })
  await using channel = await open()
  const piece = Buffer.alloc(1024 * 1024, 'v')
  const before = process.memoryUsage().rss
  let most = 0
  const content = (async function* () {
    for (let round = 0; round < 200; round++) {
      most = Math.max(most, process.memoryUsage().rss)
      yield piece
    }
  })()
  await channel.put(long, { path: `${folder}/large`, content, mode: 0o600 })
  let length = 0
  for await (const chunk of await channel.get(long, `${folder}/large`)) {
    length += chunk.length
    most = Math.max(most, process.memoryUsage().rss)
  }
  expect(length).toBe(200 * 1024 * 1024)
  expect(most - before).toBeLessThan(150e6)
})

it('G5: a full disk is told with the path', async ({ skip }) => {
  await using channel = await open()
  const mounted = await channel.run(progress, {
    script: 'mount -t tmpfs -o size=1m none "$1"',
    args: [folder],
  })
  skip(mounted.exitCode !== 0, 'no file system can be mounted here')
  const path = `${folder}/large`
  const content = Buffer.alloc(4_000_000)
  await expect(channel.put(progress, { path, content, mode: 0o600 })).rejects.toMatchObject({
    code: 'guest.command-failed',
    message: expect.stringMatching(/large.*No space left on device/) as string,
  })
  expect((await channel.run(progress, { script: 'ls -A "$1"', args: [folder] })).stdout).toBe('')
  await channel.run(progress, { script: 'umount "$1"', args: [folder] })
})

async function pidsOf(start: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return pids.filter((_pid, index) => lines[index]?.startsWith(start)).map(Number)
}
