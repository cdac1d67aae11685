import { describe, expect, it } from 'vitest'
import { runProgram } from './process.ts'

const node = (script: string, options: Parameters<typeof runProgram>[2] = {}) =>
  runProgram(process.execPath, ['-e', script], options)

describe('runProgram', () => {
  it('resolves with the exit code and both outputs', async () => {
    expect(await node(`console.log('out'); console.error('err'); process.exit(3)`)).toEqual({
      exitCode: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    })
  })

  it('passes arguments as they are, without a shell', async () => {
    const odd = `$(id) ; "'\` * \n é`
    const result = await runProgram(process.execPath, ['-p', 'JSON.stringify(process.argv[1])', odd])
    expect(JSON.parse(result.stdout)).toBe(odd)
  })

  it('feeds the input and adds to the environment', async () => {
    const script = `process.stdin.on('data', (d) => process.stdout.write(String(d))); console.log(process.env.EXTRA)`
    expect((await node(script, { input: 'typed', env: { EXTRA: 'more' } })).stdout).toBe('more\ntyped\n')
  })

  it('survives a program that does not read its input', async () => {
    expect((await node('process.exit(0)', { input: 'x'.repeat(1_000_000) })).exitCode).toBe(0)
  })

  it('tells each line as it comes', async () => {
    const lines: string[] = []
    await node(`console.log('one\\ntwo'); console.error('three')`, {
      onLine: (line, stream) => lines.push(`${stream} ${line}`),
    })
    expect(lines.toSorted()).toEqual(['stderr three', 'stdout one', 'stdout two'])
  })

  it('keeps the end of a long output', async () => {
    const { stdout } = await node(`for (let i = 0; i < 100000; i++) console.log('line ' + i)`)
    expect(stdout.length).toBeLessThanOrEqual(256 * 1024)
    expect(stdout.endsWith('line 99999\n')).toBe(true)
  })

  it('names a program that is not installed', async () => {
    await expect(runProgram('vmwright-no-such-program', [])).rejects.toMatchObject({
      code: 'process.not-found',
      details: { program: 'vmwright-no-such-program' },
    })
  })

  it('kills the program when cancelled, and rejects with the reason', async () => {
    const cancel = new AbortController()
    let pid = 0
    const running = node(`console.log(process.pid); setInterval(() => {}, 1000)`, {
      signal: cancel.signal,
      onLine: (line) => {
        pid = Number(line)
        cancel.abort(new Error('cancelled by the test'))
      },
    })
    await expect(running).rejects.toThrow('cancelled by the test')
    await expect.poll(() => isAlive(pid)).toBe(false)
  })

  it('reports death by a signal as a failure', async () => {
    expect((await node(`process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)`)).exitCode).toBe(
      128,
    )
  })
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
