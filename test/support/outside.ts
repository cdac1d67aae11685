import { execFile } from 'node:child_process'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Another machine on a network of the host's: a network namespace with an address of its own, and nothing else. */
export interface Outside extends AsyncDisposable {
  /** CIDR block between the host and it. */
  readonly subnet: string
  readonly address: string
  /** The host's own on that network. */
  readonly hostAddress: string
  /** Runs a program there. Throws when it fails. */
  run(program: string, ...args: readonly string[]): Promise<{ readonly stdout: string }>
  /** A server that tells who asks under which address; the first answer ends it. */
  whoAsks(port: number): Promise<{ readonly asked: Promise<string> }>
}

/** `prefix`: first three bytes of its network, `10.214.8`. Removes what a run that was killed left. */
export async function openOutside(name: string, prefix: string): Promise<Outside> {
  const [address, hostAddress] = [`${prefix}.2`, `${prefix}.1`]
  const device = `${name}0`
  const inside = ['netns', 'exec', name]
  const close = async (): Promise<void> => {
    await run('ip', ['netns', 'delete', name]).catch(() => {})
    await run('ip', ['link', 'delete', device]).catch(() => {})
  }
  await close()
  await run('ip', ['netns', 'add', name])
  await run('ip', ['link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name])
  await run('ip', ['address', 'add', `${hostAddress}/24`, 'dev', device])
  await run('ip', ['link', 'set', device, 'up'])
  for (const command of [
    ['address', 'add', `${address}/24`, 'dev', 'eth0'],
    ['link', 'set', 'lo', 'up'],
    ['link', 'set', 'eth0', 'up'],
  ])
    await run('ip', [...inside, 'ip', ...command])
  return {
    subnet: `${prefix}.0/24`,
    address,
    hostAddress,
    run: (program, ...args) => run('ip', [...inside, program, ...args], { timeout: 60_000 }),
    async whoAsks(port) {
      const server = execFile('ip', [...inside, process.execPath, '-e', serverScript, String(port)])
      const lines = linesFrom(server.stdout)
      await lines.next() // it listens
      return { asked: lines.next().then(({ value }) => String(value)) }
    },
    [Symbol.asyncDispose]: close,
  }
}

const serverScript = `
  const tell = (line) => process.stdout.write(line + '\\n')
  const server = require('node:net').createServer((socket) => {
    tell(socket.remoteAddress.replace(/^::ffff:/, ''))
    socket.end('hello\\n')
    server.close()
  })
  server.listen(Number(process.argv[1]), () => tell('listening'))
`

function linesFrom(stream: NodeJS.ReadableStream | null): AsyncIterator<string> {
  if (stream === null) throw new Error('no output')
  return createInterface({ input: stream })[Symbol.asyncIterator]()
}
