import { spawn } from 'node:child_process'
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'

/** The program as a user starts it: a process, from its sources, against libvirt's test driver. */
const main = join(import.meta.dirname, '../../packages/vmwright/src/cli/main.ts')
let folder: string

interface Ended {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** `reader: 'leaves'` closes stdout before anything is written, as `| head -0` does. */
async function vmwright(
  args: readonly string[],
  options: { readonly reader?: 'stays' | 'leaves'; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, ['--conditions=source', main, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, XDG_DATA_HOME: join(folder, 'data'), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  if (options.reader === 'leaves') child.stdout.destroy()
  else child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const exitCode = await new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)))
  return { exitCode, ...output }
}

const json = ({ stdout }: Ended): unknown => JSON.parse(stdout)

const spec = (uri: string): string => `version: 1
project: cli-contract
hosts:
  here:
    uri: ${uri}
    acceleration: emulate
images:
  local: { file: ./image.qcow2, firmware: bios }
defaults:
  image: local
  snapshot: false
instances:
  cli-contract-web: { count: 2 }
  cli-contract-db: {}
`

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmwright-cli-'))
  await writeFile(join(folder, 'vmwright.yaml'), spec('test:///default'))
  await writeFile(join(folder, 'gone.yaml'), spec('qemu+unix:///system?socket=/nonexistent/libvirt-sock'))
  await writeFile(join(folder, 'wrong.yaml'), spec('test:///default').replace('instances:', 'instnces:'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('help', () => {
  it('lists the commands', async () => {
    const { exitCode, stdout } = await vmwright(['--help'])
    const commands = [...stdout.matchAll(/^ {2}([a-z]+) (?:\[|<| {2})/gm)].map((match) => match[1])
    expect(exitCode).toBe(0)
    expect(commands.join(' ')).toBe(
      'validate plan apply destroy status run results ping ssh console access inventory env images host snapshot cache fork audit benchmark explain schema errors completion import help',
    )
  })

  it('is what a bare call prints, with the exit code of a wrong one', async () => {
    const { exitCode, stdout } = await vmwright([])
    expect(exitCode).toBe(64)
    expect(stdout).toContain('Usage: vmwright')
  })

  test.each([
    ['validate', '[options]'],
    ['plan', '[options] [names...]'],
    ['apply', '[options] [names...]'],
    ['destroy', '[options] [names...]'],
    ['status', '[options] [names...]'],
    ['ping', '[options] [names...]'],
    ['ssh', '[options] <name> [command...]'],
    ['console', '[options] <name>'],
    ['access', '[options] [names...]'],
    ['images list', '[options]'],
    ['images pull', '[options]'],
    ['images verify', '[options]'],
    ['images build', '[options]'],
    ['images prune', '[options]'],
    ['snapshot list', '[options] [names...]'],
    ['snapshot restore', '[options] <name> [snapshot]'],
    ['benchmark cold', '[options] [names...]'],
    ['benchmark report', '[options]'],
    ['benchmark compare', '[options] <a> <b>'],
    ['explain', '[options] <name>'],
    ['schema', '[options]'],
    ['errors', '[options] [code]'],
    ['completion', '[options] [shell]'],
    ['results', '[options] [run]'],
  ])('of %s shows how it is called', async (command, usage) => {
    const { exitCode, stdout, stderr } = await vmwright([...command.split(' '), '--help'])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toContain(`Usage: vmwright ${command} ${usage}\n`)
  })
})

describe('benchmark', () => {
  it('C21: without data says so, as text and as JSON, and fails', async () => {
    const text = await vmwright(['benchmark', 'report'])
    expect(text).toMatchObject({ exitCode: 1, stdout: '' })
    expect(text.stderr).toContain('[benchmark.no-data]')
    const compared = await vmwright(['benchmark', 'compare', 'a', 'b', '--json'])
    expect(json(compared)).toMatchObject({ kind: 'error', error: { code: 'benchmark.no-data' } })
  })

  it('C21: reports and compares what an older system wrote', async () => {
    const summary = { total_wall_seconds: 61.5, stage_totals_seconds: { runtime: 60 }, task_count: 1 }
    const line = { task_name: 'Wait for SSH', duration_seconds: 60, stage: 'runtime', host: 'rack1' }
    const run = join(folder, 'old/20250102-030405')
    await mkdir(run, { recursive: true })
    await writeFile(join(run, 'timing_summary.json'), JSON.stringify(summary))
    await writeFile(join(run, 'task_timings.jsonl'), `${JSON.stringify(line)}\n`)
    const report = await vmwright(['benchmark', 'report', '--json'], { env: { BENCHMARK_ROOT: 'old' } })
    expect(json(report)).toMatchObject({ directory: run, wallSeconds: 61.5, slowest: [line] })
    const compared = await vmwright(['benchmark', 'compare', run, 'old'])
    expect(compared).toMatchObject({ exitCode: 0, stderr: '' })
    expect(compared.stdout).toMatch(/^wall clock {2}61\.500 s {2}61\.500 s {2}1\.000 .* noise not known$/m)
  })

  it('C21: removes nothing when it is known beforehand that the machines cannot be made again', async () => {
    // The test driver has a machine of this name.
    const foreign = spec('test:///default').replace('cli-contract-db', 'test')
    await writeFile(join(folder, 'foreign.yaml'), foreign)
    const { exitCode, stdout } = await vmwright([
      'benchmark',
      'cold',
      '-f',
      'foreign.yaml',
      '--yes',
      '--json',
    ])
    expect(exitCode).toBe(5)
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'result', outcome: 'blocked' })
    await expect(access(join(folder, 'logs'))).rejects.toThrow('ENOENT')
  })
})

describe('wrong calls', () => {
  test.each([
    [['aply'], /unknown command 'aply'[^]*Did you mean apply/],
    [['plan', '--stge', 'full'], /unknown option '--stge'[^]*Did you mean --stage/],
    [['plan', '--stage', 'ful'], /--stage[^]*Allowed choices are full, preflight/],
    [['apply', '--lock-timeout', '10'], /Write it with a unit/],
    [['plan', '--var', 'x'], /Write it as name=value/],
    [['cache', 'prune', '--max-size', '3'], /Write it with a unit: 500MiB, 20GiB/],
    [['cache', 'prune', '--older-than', '2w'], /Write it with a unit[^]*14d/],
    [['cache', 'prune', '--keep', '-1'], /whole number/],
    [['cache', 'prune', '--layer', 'main'], /The layers are clean, dependencies, init/],
    [['ssh'], /missing required argument 'name'/],
    [['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
    [['errors', 'spec.invald'], /Did you mean `spec.invalid`/],
    [['plan', 'cli-contract-wbe'], /Did you mean `cli-contract-web`/],
    [['images', 'pull', '--image', 'locl'], /Did you mean `local`/],
    [['ssh', 'cli-contract-web'], /group of 2 instances[^]*cli-contract-web-1, cli-contract-web-2/],
  ])('%j say what is wrong on stderr and exit with 64', async (args, want) => {
    const { exitCode, stdout, stderr } = await vmwright(args)
    expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: '' })
    expect(stderr).toMatch(want)
  })

  it('are told as JSON where JSON was asked for', async () => {
    const ended = await vmwright(['plan', '--json', '--stge'])
    expect(ended.exitCode).toBe(64)
    expect(json(ended)).toMatchObject({
      kind: 'error',
      error: { code: 'usage.invalid', message: expect.stringContaining('--stge') },
    })
  })
})

describe('the spec', () => {
  it('is named when it is missing', async () => {
    const { exitCode, stderr } = await vmwright(['plan', '-f', 'none.yaml'])
    expect(exitCode).toBe(4)
    expect(stderr).toContain('There is no spec at none.yaml. [spec.not-found]')
    expect(stderr).toContain('vmwright schema --example')
  })

  test.each([['validate'], ['plan'], ['apply'], ['status'], ['ping'], ['images']])(
    'with a problem is refused by %s, with its place',
    async (command) => {
      const args = command === 'images' ? ['images', 'list'] : [command]
      const { exitCode, stdout, stderr } = await vmwright([...args, '-f', 'wrong.yaml'])
      expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' })
      expect(stderr).toMatch(/wrong\.yaml:\d+:\d+: instnces: .*Did you mean `instances`/)
    },
  )

  it('with a problem gives it as data with --json', async () => {
    const [validated, planned] = await Promise.all([
      vmwright(['validate', '-f', 'wrong.yaml', '--json']),
      vmwright(['plan', '-f', 'wrong.yaml', '--json']),
    ])
    const problem = {
      line: expect.any(Number),
      column: expect.any(Number),
      path: 'instnces',
      severity: 'error',
    }
    expect(validated.exitCode).toBe(4)
    expect(json(validated)).toMatchObject({
      valid: false,
      problems: expect.arrayContaining([expect.objectContaining(problem)]),
    })
    expect(planned.exitCode).toBe(4)
    expect(json(planned)).toMatchObject({
      kind: 'error',
      error: {
        code: 'spec.invalid',
        details: { problems: expect.arrayContaining([expect.objectContaining(problem)]) },
      },
    })
  })

  it('is accepted when it is right', async () => {
    const [text, data] = await Promise.all([vmwright(['validate']), vmwright(['validate', '--json'])])
    expect(text).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: 'vmwright.yaml is valid: 3 instances on 1 host.\n',
    })
    expect(json(data)).toEqual({ valid: true, problems: [] })
  })
})

describe('helpers', () => {
  it('print a schema', async () => {
    const ended = await vmwright(['schema'])
    expect(ended.exitCode).toBe(0)
    expect(json(ended)).toMatchObject({ title: 'vmwright.yaml', type: 'object' })
  })

  it('print the names of the spec for completion, and nothing for a wrong one', async () => {
    const [right, wrong] = await Promise.all([
      vmwright(['completion', '--names']),
      vmwright(['completion', '--names', '-f', 'none.yaml']),
    ])
    expect(right.stdout.split('\n')).toContain('cli-contract-web-2')
    expect(wrong).toEqual({ exitCode: 0, stdout: '', stderr: '' })
  })

  it('print a bash script that completes', async () => {
    const { stdout } = await vmwright(['completion', 'bash'])
    await writeFile(join(folder, 'completion.bash'), stdout)
    const script = `source completion.bash
      vmwright() { echo web; echo db; }
      COMP_WORDS=(vmwright -f lab.yaml images pu); COMP_CWORD=4; _vmwright; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(vmwright plan ""); COMP_CWORD=2; _vmwright; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(vmwright plan --stage im); COMP_CWORD=3; _vmwright; echo "\${COMPREPLY[@]}"`
    const child = spawn('bash', ['-c', script], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
    let answers = ''
    for await (const text of child.stdout.setEncoding('utf8')) answers += text
    expect(answers).toBe('pull\nweb db\nimage-cache\n')
  })

  it('explain an instance', async () => {
    const ended = await vmwright(['explain', 'cli-contract-db'])
    expect(json(ended)).toMatchObject({ name: 'cli-contract-db', firmware: 'bios', host: 'here' })
  })

  it('explain an error', async () => {
    expect(json(await vmwright(['errors', 'host.locked', '--json']))).toMatchObject({
      code: 'host.locked',
      exitCode: 6,
    })
  })
})

test.each([[['--help']], [['schema']], [['status']], [['errors', '--json']]])(
  'a reader that leaves is no failure of %j',
  async (args) => {
    expect(await vmwright(args, { reader: 'leaves' })).toMatchObject({ exitCode: 0, stderr: '' })
  },
)

describe("libvirt's test driver", () => {
  it('has none of the machines', async () => {
    const ended = await vmwright(['status', '--json'])
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' })
    expect(json(ended)).toMatchObject([{ state: 'absent' }, { state: 'absent' }, { state: 'absent' }])
  })

  it('T11: answers a ping, while machines that do not exist do not', async () => {
    const [hosts, all] = await Promise.all([
      vmwright(['ping', '--hosts', '--json']),
      vmwright(['ping', '--json']),
    ])
    expect(hosts.exitCode).toBe(0)
    expect(json(hosts)).toMatchObject({ ok: true, hosts: [{ host: 'here', ok: true }], instances: [] })
    expect(all.exitCode).toBe(1)
    expect(json(all)).toMatchObject({
      ok: false,
      hosts: [{ ok: true }],
      instances: [{ state: 'absent' }, {}, {}],
    })
  })

  it('is planned for, and nothing is done by that', async () => {
    const ended = await vmwright(['plan', '--json'])
    const plan = json(ended) as { readonly changes: readonly { readonly action: string }[] }
    expect(plan.changes).toHaveLength(3)
    expect(json(await vmwright(['status', '--json']))).toMatchObject([{ state: 'absent' }, {}, {}])
  })

  test.each([
    [['ssh', 'cli-contract-db'], /no machine cli-contract-db on here\. \[vm\.not-found\]/],
    [['console', 'cli-contract-db'], /no machine cli-contract-db on here\. \[vm\.not-found\]/],
    [
      ['snapshot', 'restore', 'cli-contract-db', '--yes'],
      /no machine cli-contract-db on here\. \[vm\.not-found\]/,
    ],
    [['access', 'cli-contract-db'], /left out: There is no machine cli-contract-db on here/],
  ])('has no machine for %j', async (args, want) => {
    const { exitCode, stderr } = await vmwright(args)
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(want)
  })
})

describe('a host that cannot be reached', () => {
  test.each([[['plan']], [['status']], [['apply', '--yes']], [['destroy', '--yes']]])(
    'ends %j with 6',
    async (args) => {
      const { exitCode, stderr } = await vmwright([...args, '-f', 'gone.yaml'])
      expect(exitCode).toBe(6)
      expect(stderr).toContain('[host.unreachable]')
    },
  )

  it('T11: is told by ping, with what to do', async () => {
    const { exitCode, stdout } = await vmwright(['ping', '-f', 'gone.yaml'])
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(/here +NO[^]*Not as it should be:\n {2}here: Could not connect/)
  })
})
