import { spawn } from 'node:child_process'

export const say = (text: string): void => void process.stdout.write(`${text}\n`)

const everyMs = 2_000
const keptLines = 30

/**
 * Runs a program and returns its stdout. Tells its last line every other second, and its last lines when it fails.
 */
export async function watched(
  what: string,
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const startedMs = performance.now()
  let stdout = ''
  let recent: readonly string[] = []
  const take = (text: string): void => {
    recent = [...recent, ...text.split(/[\r\n]+/).filter((line) => line.trim() !== '')].slice(-keptLines)
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    take(text)
  })
  child.stderr.setEncoding('utf8').on('data', take)
  const telling = setInterval(() => {
    const seconds = Math.round((performance.now() - startedMs) / 1000)
    say(`  ${what}, ${seconds} s: ${(recent.at(-1) ?? '').slice(0, 80)}`)
  }, everyMs)
  try {
    const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
    if (code === 0) return stdout
    throw new Error(`${what} failed (${program}):\n${recent.join('\n')}`)
  } finally {
    clearInterval(telling)
  }
}
