import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { measure, median, spread } from './measure.ts'
import type { BenchResult } from './result.ts'

/**
 * `host check` and the second `host prepare` as whole processes, on this machine and over SSH to an sshd of its own on
 * loopback. Nothing is changed: what is measured of `prepare` is the look that finds what is to be done (`--check`).
 */
export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  { id: 'host-check-local', run: () => timed('host-check-local', ['host', 'check'], 1000) },
  { id: 'host-prepare-again', run: () => timed('host-prepare-again', ['host', 'prepare', '--check'], 2000) },
  {
    id: 'host-check-ssh',
    run: () => overSsh((uri) => timed('host-check-ssh', ['host', 'check', '--host-uri', uri], 2000)),
  },
]

const vmwright = new URL('../vmwright', import.meta.url).pathname
const rounds = 7
const run = promisify(execFile)

async function timed(id: string, words: readonly string[], goalMs: number): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-host-'))
  try {
    const look = async () => {
      const result = await measure(vmwright, words, { cwd: folder })
      // A host that lacks something is looked at all the same.
      if (![0, 5].includes(result.exitCode)) throw new Error(`${words.join(' ')}: ${result.stderr}`)
      return result.ms
    }
    await look() // the outcome of the trial guest is known from here on
    const times: number[] = []
    const others: number[] = []
    for (let round = 0; round < rounds; round++) {
      times.push(await look())
      others.push((await measure(vmwright, ['--help'])).ms)
    }
    const value = median(times)
    return {
      id,
      value,
      unit: 'ms',
      yardstick: median(others),
      ratio: value / median(others),
      goal: `at most ${goalMs} ms (yardstick: vmwright --help)`,
      met: value <= goalMs,
      n: rounds,
      spread: spread(times),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function overSsh<T>(work: (uri: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-ssh-'))
  for (const name of ['host', 'user'])
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)])
  const port = await freePort()
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${folder}/host`,
    `AuthorizedKeysFile ${folder}/user.pub`,
    `PidFile ${folder}/pid`,
    'PermitRootLogin yes',
    'StrictModes no',
    'UsePAM no',
  ]
  await writeFile(join(folder, 'config'), config.join('\n'))
  const key = (await readFile(join(folder, 'host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ')
  await writeFile(join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${key}\n`)
  const server = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(folder, 'config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  try {
    await new Promise<void>((resolve, reject) => {
      server.stderr.on('data', (data: Buffer) => data.includes('listening') && resolve())
      server.once('exit', () => reject(new Error('sshd does not start')))
    })
    const query = `keyfile=${folder}/user&known_hosts=${folder}/known_hosts`
    return await work(`qemu+ssh://${userInfo().username}@127.0.0.1:${port}/system?${query}`)
  } finally {
    server.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
