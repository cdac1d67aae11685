import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { GuestChannel } from '../../guest/channel.ts'
import { sshChannel } from '../../guest/channel-ssh.ts'
import { connectThrough } from '../../guest/ssh-jump.ts'
import { startSshd, type TestSshd, whyNoSshd } from '../../guest/testing/sshd.ts'
import { Progress } from '../../lib/progress.ts'
import { realSeam } from '../../lib/seam.ts'
import { Secret } from '../../lib/secret.ts'
import { resolveSteps } from '../../spec/steps.ts'
import type { Phase } from '../phase.ts'
import { runPhase } from '../run.ts'
import { recordedContext } from '../testing/context.ts'

const why = whyNoSshd()

describe('native steps over a real sshd', () => {
  let guest: TestSshd
  let folder: string
  const progress = new Progress(realSeam()).child({ timeoutMs: 600_000 })

  beforeEach(async ({ skip }) => {
    skip(why !== undefined, why)
    folder = await mkdtemp(join(tmpdir(), 'vmwright-steps-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))
  beforeAll(async () => {
    if (why === undefined) guest = await startSshd()
  })
  afterAll(async () => {
    if (why === undefined) await guest[Symbol.asyncDispose]()
  })

  const at = (name: string): string => join(folder, name)
  const open = async (): Promise<GuestChannel> => {
    const target = guest.target()
    const { end, close } = await connectThrough(progress, [], target)
    return sshChannel({ client: end, target, close })
  }
  const run = async (
    steps: Parameters<typeof resolveSteps>[0],
    given: Parameters<typeof recordedContext>[0] = {},
  ) => {
    const phase: Phase = {
      name: 'main',
      kind: 'native',
      steps: resolveSteps(steps, { localFile: (path) => at(path) }),
      origin: { kind: 'spec' },
    }
    const context = recordedContext({ open, fetchFolder: at('fetched'), ...given })
    try {
      const runs = await runPhase(progress, phase, context)
      return { runs, output: context.output() }
    } finally {
      await (await context.channel.current(progress))[Symbol.asyncDispose]()
    }
  }

  it('G4: run scripts by their first line with arguments and exit codes, and leave nothing of them', async () => {
    const before = await readdir('/tmp')
    await writeFile(at('a.sh'), '#!/bin/sh -e\nprintf "%s|" "$@"; echo "$TOKEN $PWD"; exit 7\n')
    await writeFile(at('b.py'), '#!/usr/bin/env python3\nimport sys; print(sys.argv[1:])\n')
    await writeFile(at('c'), 'echo plain "$1"\n')
    const { runs, output } = await run(
      [
        { script: 'a.sh', args: ['x y', '', '$z'], exitCodes: [7], directory: folder },
        { script: 'b.py', args: ['1'] },
        { script: 'c', args: ['text'] },
      ],
      { secrets: { TOKEN: new Secret('s3cret') } },
    )
    expect(output).toBe(`x y||$z|*** ${folder}\n['1']\nplain text\n`)
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([7, 0, 0])
    const left = (await readdir('/tmp')).filter((name) => !before.includes(name))
    expect(left.filter((name) => /^vmwright-[0-9a-f]{16}$/.test(name))).toEqual([])
  })

  it('G4: copy folders and fetch patterns, folders and names with spaces', async () => {
    await mkdir(at('site/sub/empty'), { recursive: true })
    await writeFile(at('site/sub/a b.txt'), 'a')
    await writeFile(at('site/run'), 'x')
    await chmod(at('site/run'), 0o755)
    await run([
      { copy: { from: 'site', to: at('there') } },
      {
        shell: `mkdir '${at('odd one')}'; echo 1 > '${at('odd one')}/x.log'; echo 2 > '${at('odd one')}/y.log'`,
      },
      { fetch: at('odd one/*.log') },
      { fetch: at('there') },
    ])
    expect((await stat(at('there/run'))).mode & 0o777).toBe(0o755)
    expect((await stat(at('there/sub/empty'))).isDirectory()).toBe(true)
    expect(await readFile(at('fetched/y.log'), 'utf8')).toBe('2\n')
    expect(await readFile(at('fetched/there/sub/a b.txt'), 'utf8')).toBe('a')
    await expect(run([{ fetch: at('no*') }])).rejects.toMatchObject({ code: 'phase.failed' })
    await run([{ fetch: { from: at('no*'), optional: true } }])
  })

  it('G4: wait for ports, paths and commands that come later', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await run([
      { wait: { port } },
      `(sleep 1; touch '${at('flag')}') >/dev/null 2>&1 &`,
      { wait: { path: at('flag') } },
      { wait: { command: `[ -e '${at('flag')}' ]` } },
    ])
    await new Promise((resolve) => {
      server.close(resolve)
    })
    await expect(run([{ wait: { port }, timeout: '2s' }])).rejects.toMatchObject({ code: 'phase.timeout' })
  })

  it('G4: tell a guest that ends the connection in the midst of a step', async () => {
    await expect(run(['kill -9 $PPID; sleep 5'])).rejects.toMatchObject({
      code: 'phase.failed',
      message: expect.stringContaining('connection to the guest was lost'),
    })
  })
})
