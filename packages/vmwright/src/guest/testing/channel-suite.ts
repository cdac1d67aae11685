import { randomInt } from 'node:crypto'
import { readFile, readdir, stat } from 'node:fs/promises'
import { expect } from 'vitest'
import type { Progress } from '../../lib/progress.ts'
import { Secret } from '../../lib/secret.ts'
import type { GuestChannel, GuestCommand } from '../channel.ts'

/** Seconds to sleep that no other test sleeps. */
const long = String(randomInt(1_000_000, 9_000_000))

/** What every channel does, on a guest that is this machine: title and check. */
export const channelSuite: readonly (readonly [
  string,
  (progress: Progress, channel: GuestChannel, folder: string) => Promise<void>,
])[] = [
  [
    'gives a command its arguments, environment, directory and input, and keeps its outputs apart',
    async (progress, channel) => {
      const command: GuestCommand = {
        script: 'printf "%s\\n" "$#:$1:$2:$NAME"; pwd; cat; echo wrong >&2; exit 3',
        args: [`it's "$HOME"`, ''],
        environment: { NAME: new Secret(`a'b\n\\c`) },
        directory: '/usr',
        stdin: 'inpüt',
      }
      expect(await channel.run(progress, command)).toEqual({
        exitCode: 3,
        stdout: `2:it's "$HOME"::a'b\n\\c\n/usr\ninpüt`,
        stderr: 'wrong\n',
      })
    },
  ],
  [
    'ends a script at the first command that fails, and a signal is 128 and its number',
    async (progress, channel) => {
      const ends = await Promise.all(
        ['false; echo never', 'kill -9 $$', 'sh -c "kill -15 \\$\\$"', 'exit 255', 'if', 'cd /nope'].map(
          (script) => channel.run(progress, { script }),
        ),
      )
      expect(ends.map(({ exitCode }) => exitCode)).toEqual([1, 137, 143, 255, 2, 2])
      expect(ends.every(({ stdout }) => stdout === '')).toBe(true)
      const missing = await channel.run(progress, { script: 'echo never', directory: '/nope' })
      expect(missing).toMatchObject({ exitCode: 2, stdout: '' })
      expect(missing.stderr).toContain('/nope')
    },
  ],
  [
    'passes output on as it comes, in whole characters',
    async (progress, channel) => {
      const texts: string[] = []
      const euro = String.raw`printf '\342'; sleep 0.2; printf '\202'; sleep 0.2; printf '\254'; sleep 0.2; printf '\377.'`
      const end = await channel.run(progress, {
        script: euro,
        onOutput: (stream, text) => texts.push(`${stream} ${text}`),
      })
      expect(texts).toEqual(['stdout €', expect.stringMatching(/^stdout \uFFFD/), ...texts.slice(2)])
      expect(end.stdout).toBe('€\uFFFD.')
    },
  ],
  [
    'keeps the last 256 KiB of what is much longer, and loses nothing of it on the way',
    async (progress, channel) => {
      let length = 0
      const end = await channel.run(progress, {
        script: 'seq 1 400000',
        onOutput: (_stream, text) => (length += text.length),
      })
      expect(length).toBe(2_688_895)
      expect(end.stdout.length).toBe(256 * 1024)
      expect(end.stdout.endsWith('399999\n400000\n')).toBe(true)
    },
  ],
  [
    'takes input of any length, whole, and does not mind a command that does not read it',
    async (progress, channel) => {
      const stdin = Buffer.alloc(3_000_001, 'vmwright')
      expect((await channel.run(progress, { script: 'cat | wc -c', stdin })).stdout.trim()).toBe('3000001')
      expect((await channel.run(progress, { script: 'exit 4', stdin })).exitCode).toBe(4)
    },
  ],
  [
    'runs a long script, with its here-documents',
    async (progress, channel) => {
      const lines = Array.from(
        { length: 2_000 },
        (_each, index) => `: line ${index} of a script that is long`,
      )
      const script = [...lines, "cat <<'END'", 'vmwright: $HOME', 'END'].join('\n')
      expect((await channel.run(progress, { script })).stdout).toBe('vmwright: $HOME\n')
    },
  ],
  [
    'becomes another user',
    async (progress, channel) => {
      const end = await channel.run(progress, { script: 'id -un; cat', user: 'nobody', stdin: 'x' })
      expect(end).toMatchObject({ exitCode: 0, stdout: 'nobody\nx' })
      await expect(channel.run(progress, { script: 'id', user: 'no-such-user' })).rejects.toMatchObject({
        code: 'guest.command-failed',
        message: expect.stringContaining('no-such-user') as string,
      })
      await expect(channel.run(progress, { script: 'id', user: 'a; id' })).rejects.toMatchObject({
        code: 'guest.command-failed',
      })
    },
  ],
  [
    'shows no secret in an argument list, and leaves none on a disk',
    async (progress, channel) => {
      const secret = `top-${process.pid}-secret`
      const seen = new Set<string>()
      const look = async (): Promise<void> => {
        for (const pid of await readdir('/proc')) {
          const line = /^\d/.test(pid) ? await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') : ''
          if (line.includes(secret)) seen.add(line)
          if (line === 'sleep\x001.25\0') seen.add('looked')
        }
      }
      const over = new AbortController()
      const running = channel
        .run(progress, {
          script: `: ${secret}; sleep 1.25; test "$KEY" = ${secret}; grep -c . `,
          environment: { KEY: new Secret(secret) },
          stdin: new Secret(secret),
        })
        .finally(() => over.abort())
      while (!over.signal.aborted) await look()
      expect((await running).stdout).toBe('1\n')
      expect([...seen]).toEqual(['looked'])
      const kept = await channel.run(progress, {
        script: 'grep -rls "$1" /tmp /run /root/.*history || :',
        args: [secret],
      })
      expect(kept.stdout).toBe('')
    },
  ],
  [
    'ends what it started at the time limit, and works on',
    async (progress, channel) => {
      const script = `sleep ${long}1 & timeout ${long}2 sleep ${long}3 | cat & sh -c "trap : TERM; sleep ${long}4; sleep ${long}5"`
      const limited = progress.child({ timeoutMs: 700 })
      await expect(channel.run(limited, { script })).rejects.toMatchObject({ code: 'wait.timeout' })
      expect(await commandsLike(`sleep ${long}`)).toEqual([])
      expect(channel.alive).toBe(true)
      expect((await channel.run(progress, { script: 'echo on' })).stdout).toBe('on\n')
    },
  ],
  [
    'ends what it started at a cancellation, also of another user',
    async (progress, channel) => {
      const cancel = new AbortController()
      const limited = progress.child({ signal: cancel.signal })
      const run = channel.run(limited, {
        script: `echo begun; sleep ${long}`,
        user: 'nobody',
        onOutput: () => cancel.abort(new Error('enough')),
      })
      await expect(run).rejects.toThrow('enough')
      expect(await commandsLike(`sleep ${long}`)).toEqual([])
    },
  ],
  [
    'ends endless output without keeping it',
    async (progress, channel) => {
      const before = process.memoryUsage().rss
      await expect(
        channel.run(progress.child({ timeoutMs: 2_000 }), { script: `yes ${long}` }),
      ).rejects.toMatchObject({
        code: 'wait.timeout',
      })
      expect(process.memoryUsage().rss - before).toBeLessThan(200e6)
      expect(await commandsLike(`yes ${long}`)).toEqual([])
    },
  ],
  [
    'does not wait for what a command leaves in the background',
    async (progress, channel) => {
      const startedMs = performance.now()
      expect(await channel.run(progress, { script: 'sleep 6.5 & echo left; exit 5' })).toMatchObject({
        exitCode: 5,
        stdout: 'left\n',
      })
      expect(performance.now() - startedMs).toBeLessThan(6_000)
    },
  ],
  [
    'loses no last words of a command that was silent for long',
    async (progress, channel) => {
      const ends = await Promise.all(
        [1_000, 1_020, 1_050, 1_100, 1_250].map((ms) =>
          channel.run(progress, { script: `sleep ${ms / 1000}; echo last; echo words >&2` }),
        ),
      )
      for (const end of ends) expect(end).toEqual({ exitCode: 0, stdout: 'last\n', stderr: 'words\n' })
    },
  ],
  [
    'a listener that throws ends the command',
    async (progress, channel) => {
      const onOutput = (): never => {
        throw new Error('no more')
      }
      await expect(channel.run(progress, { script: `echo x; sleep ${long}`, onOutput })).rejects.toThrow(
        'no more',
      )
      expect(await commandsLike(`sleep ${long}`)).toEqual([])
    },
  ],
  [
    'puts a file with its folders, mode and owner, under its name only when whole, and gets it back',
    async (progress, channel, folder) => {
      const content = Buffer.from(Array.from({ length: 200_000 }, (_each, index) => index % 251))
      const path = `${folder}/new folder/it's/file`
      await channel.put(progress, { path, content, mode: 0o640, owner: 'nobody:nogroup' })
      expect(await channel.run(progress, { script: 'stat -c "%a %U:%G" "$1"', args: [path] })).toMatchObject({
        stdout: '640 nobody:nogroup\n',
      })
      expect(Buffer.compare(await whole(await channel.get(progress, path)), content)).toBe(0)
      await channel.put(progress, { path, content: new Secret('short'), mode: 0o4755 })
      expect((await whole(await channel.get(progress, path))).toString()).toBe('short')
      expect((await stat(path)).mode & 0o7777).toBe(0o4755)
      expect(await readdir(`${folder}/new folder/it's`)).toEqual(['file'])
      await channel.put(progress, { path: `${folder}/empty`, content: new Uint8Array(), mode: 0o600 })
      expect((await whole(await channel.get(progress, `${folder}/empty`))).length).toBe(0)
    },
  ],
  [
    'leaves nothing of a file whose source breaks off, and what was there stays',
    async (progress, channel, folder) => {
      const path = `${folder}/broken`
      await channel.put(progress, { path, content: Buffer.from('old'), mode: 0o600 })
      const content = (async function* () {
        yield Buffer.alloc(100_000)
        throw new Error('the source broke')
      })()
      await expect(channel.put(progress, { path, content, mode: 0o600 })).rejects.toThrow('the source broke')
      expect((await whole(await channel.get(progress, path))).toString()).toBe('old')
      expect((await readdir(folder)).filter((name) => name.startsWith('.vmwright'))).toEqual([])
    },
  ],
  [
    'names the file that is missing, cannot be read or cannot be written',
    async (progress, channel, folder) => {
      const missing = {
        code: 'guest.file-missing',
        message: expect.stringContaining(`${folder}/nope`) as string,
      }
      await expect(channel.get(progress, `${folder}/nope`)).rejects.toMatchObject(missing)
      await expect(channel.get(progress, folder)).rejects.toMatchObject({ code: 'guest.file-missing' })
      await expect(channel.get(progress, '/etc/shadow', 'nobody')).rejects.toMatchObject({
        code: 'guest.file-missing',
      })
      const file = { content: Buffer.from('x'), mode: 0o600 }
      await expect(channel.put(progress, { ...file, path: folder })).rejects.toMatchObject({
        code: 'guest.command-failed',
      })
      await expect(channel.put(progress, { ...file, path: '/root/x', user: 'nobody' })).rejects.toMatchObject(
        {
          code: 'guest.command-failed',
          message: expect.stringContaining('/root/x') as string,
        },
      )
      await expect(
        channel.put(progress, { ...file, path: `${folder}/x`, owner: 'no-such-user' }),
      ).rejects.toMatchObject({ code: 'guest.command-failed' })
      expect((await readdir(folder)).filter((name) => name.includes('x'))).toEqual([])
    },
  ],
  [
    'a file that is not read to its end holds nothing up',
    async (progress, channel, folder) => {
      await channel.put(progress, { path: `${folder}/big`, content: Buffer.alloc(4_000_000), mode: 0o600 })
      for (let round = 0; round < 12; round++)
        for await (const chunk of await channel.get(progress, `${folder}/big`)) {
          expect(chunk.length).toBeGreaterThan(0)
          break
        }
      expect((await channel.run(progress, { script: 'echo on' })).stdout).toBe('on\n')
    },
  ],
]

export async function whole(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of content) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Processes that run, by the beginning of their argument lists. */
export async function commandsLike(start: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(
    pids.map(async (pid) =>
      (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' '),
    ),
  )
  return lines.filter((line) => line.startsWith(start))
}
