import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ProvisionError } from '../../lib/errors.ts'
import { Progress } from '../../lib/progress.ts'
import { Secret } from '../../lib/secret.ts'
import { createFakeSeam } from '../../lib/testing/fake-seam.ts'
import { resolveSteps } from '../../spec/steps.ts'
import type { Phase } from '../phase.ts'
import { runPhase } from '../run.ts'
import { recordedContext } from '../testing/context.ts'
import { scriptedChannel } from '../testing/scripted-channel.ts'
import { wordsFor } from './words.ts'

const words = wordsFor(scriptedChannel())

describe('native steps', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vmwright-steps-'))
  })
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  const at = (name: string): string => join(folder, name)
  const phaseOf = (...steps: Parameters<typeof resolveSteps>[0]): Phase => ({
    name: 'main',
    kind: 'native',
    steps: resolveSteps(steps, { localFile: (path) => at(path) }),
    origin: { kind: 'spec' },
  })
  const newProgress = (options: ConstructorParameters<typeof Progress>[1] = {}): Progress =>
    new Progress(createFakeSeam(), options)

  it('G4: run in their order with environment and secrets, and tell each', async () => {
    const channel = scriptedChannel(({ script }) => ({
      stdout: `${script} says s3cret`,
      exitCode: script === 'odd' ? 77 : 0,
    }))
    const context = recordedContext({
      open: async () => channel,
      environment: { A: 'phase', B: 'phase' },
      secrets: { TOKEN: new Secret('s3cret') },
    })
    const steps = await runPhase(
      newProgress(),
      phaseOf('one', {
        shell: 'odd',
        name: 'Odd',
        exitCodes: [0, 77],
        environment: { A: 'step' },
        user: 'root',
        directory: '/srv',
      }),
      context,
    )
    expect(steps).toMatchObject([
      { title: 'one', status: 'passed', exitCode: 0 },
      { title: 'Odd', status: 'passed', exitCode: 77 },
    ])
    expect(context.told).toEqual(steps)
    expect(channel.commands).toMatchObject([
      { script: 'one', environment: { A: 'phase', B: 'phase', TOKEN: expect.any(Secret) } },
      { script: 'odd', environment: { A: 'step', B: 'phase' }, user: 'root', directory: '/srv' },
    ])
    expect(context.output()).toBe('one says ***\nodd says ***\n')
  })

  it('G4: end at the first that fails, with guest, phase, step, exit code and last lines', async () => {
    const channel = scriptedChannel(({ script }) =>
      script === 'bad' ? { exitCode: 3, stderr: 'first\nno s3cret here\n' } : {},
    )
    const context = recordedContext({ open: async () => channel, secrets: { TOKEN: new Secret('s3cret') } })
    await expect(runPhase(newProgress(), phaseOf('good', 'bad', 'never'), context)).rejects.toMatchObject({
      code: 'phase.failed',
      message:
        'The phase main of web failed in the step "bad": it ended with exit code 3. Its last line: no *** here',
      details: {
        guest: 'web',
        phase: 'main',
        step: 'bad',
        exitCode: 3,
        lastLines: ['first', 'no *** here'],
        steps: [{ status: 'passed' }, { status: 'failed', exitCode: 3 }],
      },
    })
    expect(channel.commands).toHaveLength(2)
  })

  it.each([
    ['of the step', { shell: 'x', timeout: '5s' }, 3_600_000, /longer than 5s in the step "x"/, /`timeout`/],
    [
      'of the phase',
      { shell: 'x', timeout: '5m' },
      7_000,
      /longer than the time that it has/,
      /phaseTimeout/,
    ],
    [
      'of a wait',
      { wait: { port: 80 }, timeout: '9s' },
      3_600_000,
      /longer than 9s in the step "wait for port 80"/,
      /`timeout`/,
    ],
    ['of a pause', { wait: '10m', timeout: '1s' }, 3_600_000, /longer than 1s/, /`timeout`/],
    ['of a restart', { reboot: true }, 3_600_000, /longer than 10m00s in the step "reboot"/, /`timeout`/],
  ] as const)('G4: end at the limit %s', async (_what, step, limitMs, message, hint) => {
    const channel = scriptedChannel(({ script }) =>
      script === 'x' ? 'hangs' : script === words.listens ? { exitCode: 1 } : { stdout: 'same' },
    )
    const context = recordedContext({ open: async () => channel })
    await expect(
      runPhase(newProgress({ deadlineMs: limitMs }), phaseOf(step), context),
    ).rejects.toMatchObject({
      code: 'phase.timeout',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
      details: { steps: [{ status: 'failed' }] },
    })
  })

  it('G4: are cancelled with the reason of the cancellation', async () => {
    const cancel = new AbortController()
    const channel = scriptedChannel(() => {
      cancel.abort(new Error('enough'))
      return 'hangs'
    })
    const context = recordedContext({ open: async () => channel })
    await expect(runPhase(newProgress({ signal: cancel.signal }), phaseOf('x'), context)).rejects.toThrow(
      'enough',
    )
    expect(context.told).toMatchObject([{ title: 'x', status: 'cancelled' }])
  })

  it('G4: tell a guest that goes away, and what to use for a restart', async () => {
    const context = recordedContext({ open: async () => scriptedChannel(() => 'lost') })
    await expect(runPhase(newProgress(), phaseOf('reboot now'), context)).rejects.toMatchObject({
      code: 'phase.failed',
      message: expect.stringContaining('the connection to the guest was lost'),
      hint: expect.stringContaining('`reboot`'),
    })
  })

  it('G4: restart a guest and go on when it has another boot id', async () => {
    const asked: string[] = []
    let boots = 0
    const opened = { count: 0 }
    const open = async () => {
      opened.count++
      if (opened.count === 2) throw new ProvisionError('guest.port-closed', { message: 'refused' })
      if (opened.count === 3)
        throw new ProvisionError('guest.ssh-refused', { message: 'System is booting up' })
      // It may still answer as the one that goes down.
      const boot = opened.count > 4 ? boots : 0
      return scriptedChannel(({ script, user }) => {
        if (script === words.bootId)
          return boot === 0 && opened.count === 4 ? 'lost' : { stdout: `boot-${boot}\n` }
        asked.push(`${user}: ${script}`)
        if (script === words.reboot) {
          boots++
          return 'lost'
        }
        return {}
      })
    }
    const context = recordedContext({ open })
    const steps = await runPhase(newProgress(), phaseOf('reboot', 'after'), context)
    expect(steps.map(({ title, status }) => `${title} ${status}`)).toEqual(['reboot passed', 'after passed'])
    expect(asked).toEqual([`root: ${words.reboot}`, 'undefined: after'])
    expect(opened.count).toBe(5)
  })

  it('G4: do not wait for a guest behind whose address another machine answers', async () => {
    let opened = 0
    const open = async () => {
      if (++opened > 1) throw new ProvisionError('guest.host-key-mismatch', { message: 'Another key.' })
      return scriptedChannel(() => ({ stdout: 'boot-0' }))
    }
    await expect(runPhase(newProgress(), phaseOf('reboot'), recordedContext({ open }))).rejects.toMatchObject(
      {
        code: 'phase.failed',
        message: expect.stringContaining('Another key'),
      },
    )
  })

  it('G4: wait for ports, paths and commands by asking again', async () => {
    let asked = 0
    const channel = scriptedChannel(() => ({ exitCode: ++asked % 3 === 0 ? 0 : 1 }))
    const context = recordedContext({ open: async () => channel })
    await runPhase(
      newProgress(),
      phaseOf(
        { wait: { port: 8080 } },
        { wait: { path: '/run/x' } },
        { wait: { command: 'ready' } },
        { wait: '5s' },
      ),
      context,
    )
    expect(channel.commands).toHaveLength(9)
    expect(channel.commands.map(({ args }) => args)).toContainEqual(['8080', '1F90'])
    expect(channel.commands.at(-1)).toMatchObject({ script: 'ready' })
  })

  it('G4: bring files, folders and templates with mode and owner', async () => {
    await mkdir(at('site/sub/empty'), { recursive: true })
    await writeFile(at('site/run'), 'run', { mode: 0o755 })
    await writeFile(at('site/sub/a.txt'), 'a', { mode: 0o640 })
    await writeFile(at('motd'), 'Hi ${vm.name} on ${vm.platform}, ${greeting} $${HOME} ${1}\n')
    const channel = scriptedChannel()
    const context = recordedContext({ open: async () => channel, variables: { greeting: 'welcome' } })
    await runPhase(
      newProgress(),
      phaseOf(
        { copy: { from: 'site', to: '/srv/', owner: 'www:www' }, user: 'root' },
        { copy: { from: 'site/run', to: '/bin/run', mode: '0700' } },
        { template: { from: 'motd', to: '/etc/motd' } },
      ),
      context,
    )
    expect(Object.fromEntries(channel.files)).toEqual({
      '/srv/run': { text: 'run', mode: 0o755, owner: 'www:www', user: 'root' },
      '/srv/sub/a.txt': { text: 'a', mode: 0o640, owner: 'www:www', user: 'root' },
      '/bin/run': { text: 'run', mode: 0o700, owner: undefined, user: undefined },
      '/etc/motd': {
        text: 'Hi web on debian, welcome ${HOME} ${1}\n',
        mode: 0o644,
        owner: undefined,
        user: undefined,
      },
    })
    expect(channel.commands).toMatchObject([
      { script: words.makeFolder, args: ['/srv/sub/empty'], user: 'root' },
    ])
  })

  it.each([
    ['a script', { script: 'no.sh' }, /no\.sh, which cannot be read/],
    ['a source', { copy: { from: 'no', to: '/x' } }, /needs .*no, which cannot be read/],
    [
      'a variable',
      { template: { from: 'bad', to: '/x' } },
      /bad:2: uses `nothing`, which has no value \(and 1 more\)/,
    ],
  ] as const)('G4: tell %s that is missing before anything runs', async (_what, step, message) => {
    await writeFile(at('bad'), 'x\n${nothing} ${vm}\n')
    const channel = scriptedChannel()
    const context = recordedContext({ open: async () => channel })
    await expect(runPhase(newProgress(), phaseOf('first', step), context)).rejects.toMatchObject({
      code: 'phase.invalid',
      message: expect.stringMatching(message),
    })
    expect(channel.commands).toEqual([])
  })

  it('G4: refuse a link that leads nowhere in a folder that is copied', async () => {
    await mkdir(at('site'))
    await symlink('nowhere', at('site/link'))
    const context = recordedContext({ open: async () => scriptedChannel() })
    await expect(
      runPhase(newProgress(), phaseOf({ copy: { from: 'site', to: '/srv' } }), context),
    ).rejects.toMatchObject({ code: 'phase.failed', message: expect.stringContaining('leads nowhere') })
  })

  it.each([
    ['#!/bin/bash -eu\n', ['/bin/bash', '-eu']],
    ['#! /usr/bin/env python3\nx', ['/usr/bin/env', 'python3']],
    ['echo x\n', ['/bin/sh']],
    ['\x7fELF...', []],
  ])('G4: run a script by its first line %j', async (text, interpreter) => {
    await writeFile(at('run'), text)
    const channel = scriptedChannel()
    await runPhase(
      newProgress(),
      phaseOf({ script: 'run', args: ['a b', '-x'] }),
      recordedContext({ open: async () => channel }),
    )
    const [path = ''] = channel.files.keys()
    expect(path).toMatch(/^\/tmp\/vmwright-[0-9a-f]{16}$/)
    expect(channel.files.get(path)).toMatchObject({ text, mode: 0o700 })
    expect(channel.commands[0]).toMatchObject({
      script: words.runAndRemove,
      args: [path, ...interpreter, path, 'a b', '-x'],
    })
  })
})
