import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { commandTable } from '../../packages/vmwright/src/cli/command-table.ts'
import { buildProgram } from '../../packages/vmwright/src/cli/program.ts'

/** What the Makefile calls, told by a stub in the place of the program. */
const root = join(import.meta.dirname, '../..')
const table = commandTable(buildProgram(() => async () => {}))
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmwright-make-'))
  await writeFile(
    join(folder, 'stub'),
    '#!/bin/sh\nprintf "%s\\0" "$@" >"$STUB_OUT"\nexit "${STUB_EXIT:-0}"\n',
  )
  await chmod(join(folder, 'stub'), 0o755)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Made {
  readonly code: number
  readonly stderr: string
  /** As the program got them; `undefined`: it was not called. */
  readonly args: readonly string[] | undefined
}

function make(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Made> {
  const out = join(folder, 'args')
  // The program is taken to be built: the stub stands for it.
  const given = ['--no-print-directory', '-o', 'packages/vmwright/dist/vmwright.js', ...args]
  const own = { PATH: process.env['PATH'], VMWRIGHT: join(folder, 'stub'), STUB_OUT: out, ...env }
  return new Promise((resolve) => {
    execFile('make', given, { cwd: root, env: own }, (error, _stdout, stderr) => {
      void readFile(out, 'utf8')
        .then((text) => text.split('\0').slice(0, -1))
        .catch(() => undefined)
        .then(async (called) => {
          await rm(out, { force: true })
          resolve({ code: error === null ? 0 : Number(error.code), stderr, args: called })
        })
    })
  })
}

const verbs = [
  ['check', ['validate', '-f', 'vmwright.yaml']],
  ['ping', ['ping', '-f', 'vmwright.yaml']],
  ['image-cache', ['apply', '--stage', 'image-cache', '-f', 'vmwright.yaml']],
  ['provision', ['apply', '-f', 'vmwright.yaml']],
  ['provision-check', ['apply', '--check', '-f', 'vmwright.yaml']],
  ['provision-stage', ['apply', '--stage', 'full', '-f', 'vmwright.yaml']],
  ['cleanup', ['destroy', '--check', '-f', 'vmwright.yaml']],
  ['cleanup-force', ['destroy', '--yes', '-f', 'vmwright.yaml']],
  ['cleanup-force-disks', ['destroy', '--disks', '--yes', '-f', 'vmwright.yaml']],
  ['benchmark-cold', ['benchmark', 'cold', '-f', 'vmwright.yaml']],
  ['benchmark-report', ['benchmark', 'report']],
] as const

describe('T11: the verbs of the Makefile', () => {
  test.each(verbs)('%s calls the program with options that it has', async (verb, want) => {
    const { code, args = [] } = await make([verb])
    expect({ code, args }).toEqual({ code: 0, args: want })
    const command = table.findLast(({ path }) => path !== '' && `${args.join(' ')} `.startsWith(`${path} `))
    const known = command?.options.flatMap(({ flags }) => flags)
    expect(known).toEqual(expect.arrayContaining(args.filter((arg) => arg.startsWith('-'))))
  })

  test.each(
    verbs.filter(([, args]) =>
      ['ping', 'apply', 'destroy', 'cold'].some((name) => args.some((arg) => arg === name)),
    ),
  )('%s narrows by LIMIT, and reads another spec', async (verb, [...want]) => {
    const { args } = await make([verb, 'LIMIT=web db-1', "SPEC=my lab's.yaml"])
    expect(args).toEqual([...want.slice(0, -1), "my lab's.yaml", '--', 'web', 'db-1'])
  })

  it('runs one stage alone', async () => {
    const { args } = await make(['provision-stage', 'STAGE=runtime'])
    expect(args?.slice(0, 3)).toEqual(['apply', '--stage', 'runtime'])
  })

  it('is help when nothing is asked for, and names each verb', async () => {
    const text = await new Promise<string>((resolve) => {
      execFile('make', [], { cwd: root }, (_error, stdout) => resolve(stdout))
    })
    for (const [verb] of verbs) expect(text).toMatch(new RegExp(`^  make ${verb} +\\S`, 'm'))
  })
})

describe('T11: what is written into the settings', () => {
  const hostile = [
    '$(touch F)',
    '`touch F`',
    ';',
    'touch',
    'F',
    '*',
    '--disks',
    '$(shell',
    'touch',
    'F)',
    '$HOME',
    '&&',
  ]
  const words = (name: string): string => hostile.join(' ').replaceAll('F', join(folder, name))

  it.each(['argument', 'environment'])('is never run, as an %s of make', async (way) => {
    const limit = words('made')
    const env = { SPEC: '$(shell id).yaml', LIMIT: limit }
    const asked = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    const { code, args } =
      way === 'argument' ? await make(['provision', ...asked]) : await make(['provision'], env)
    expect({ code, args }).toEqual({
      code: 0,
      args: ['apply', '-f', '$(shell id).yaml', '--', ...limit.split(' ')],
    })
    await expect(readFile(join(folder, 'made'))).rejects.toThrow('ENOENT')
  })

  it('may have quotes around spaces', async () => {
    const { args } = await make(['provision', `EXTRA_ARGS=--var "motd=hello there" --yes`])
    expect(args).toEqual(['apply', '-f', 'vmwright.yaml', '--var', 'motd=hello there', '--yes'])
  })

  it.each([
    ['provision', 'EXTRA_ARGS="a', 'the quotes in EXTRA_ARGS do not match'],
    ['check', 'LIMIT=web', 'LIMIT cannot be obeyed'],
  ])('is refused where it cannot be obeyed: %s %s', async (verb, setting, want) => {
    const { code, args, stderr } = await make([verb, setting])
    expect({ code, args, stderr }).toEqual({
      code: 2,
      args: undefined,
      stderr: expect.stringContaining(want),
    })
  })
})

it('T11: make tells the exit code of the program, and fails itself', async () => {
  const { code, stderr } = await make(['provision'], { STUB_EXIT: '5' })
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('Error 5') })
})
