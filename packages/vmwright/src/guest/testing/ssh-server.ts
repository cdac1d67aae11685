import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import ssh2 from 'ssh2'
import type { Secret } from '../../lib/secret.ts'

export interface TestSshServer extends AsyncDisposable {
  readonly port: number
  /** Everything a client sent to log in: method and user, in order. */
  readonly logins: readonly string[]
  readonly commands: readonly string[]
  /** What clients sent to running commands. */
  readonly input: string
  /** Drops all connections. */
  drop(): void
}

/**
 * An SSH server on loopback that lets in whoever has the key of `publicKey`. `echo TEXT` prints, `fail` exits
 * with 3, `wait` answers to the first input, anything else never ends.
 */
export async function testSshServer(options: {
  readonly hostKeys: readonly Secret[]
  readonly publicKey?: string
  /** Port on loopback to which all forwarded connections lead, whatever they ask for. */
  readonly forwardTo?: number
}): Promise<TestSshServer> {
  const logins: string[] = []
  const commands: string[] = []
  const clients = new Set<ssh2.Connection>()
  let input = ''
  const allowed = options.publicKey === undefined ? undefined : blobOf(options.publicKey)
  const server = new ssh2.Server({ hostKeys: options.hostKeys.map((key) => key.reveal()) }, (client) => {
    clients.add(client)
    client.on('error', () => {})
    client.on('close', () => clients.delete(client))
    client.on('authentication', (login) => {
      logins.push(`${login.method} ${login.username}`)
      if (login.method === 'publickey' && allowed?.equals(login.key.data) === true) login.accept()
      else login.reject()
    })
    client.on('tcpip', (accept, reject) => {
      if (options.forwardTo === undefined) return reject()
      const channel = accept()
      const socket = connect(options.forwardTo, '127.0.0.1')
      channel.on('error', () => {}).on('close', () => socket.destroy())
      socket.on('error', () => {}).on('close', () => channel.end())
      socket.pipe(channel).pipe(socket)
    })
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec, _reject, { command }) => {
        commands.push(command)
        const channel = acceptExec()
        const [verb = '', ...words] = command.split(' ')
        const finish = (exitCode: number, text: string): void => {
          channel.write(text)
          channel.exit(exitCode)
          channel.end()
        }
        channel.on('data', (data: Buffer) => {
          input += data.toString()
          if (verb === 'wait') finish(0, 'woken')
        })
        if (verb === 'echo') finish(0, words.join(' '))
        if (verb === 'fail') {
          channel.stderr.write('no such thing')
          finish(3, '')
        }
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    logins,
    commands,
    get input() {
      return input
    },
    drop: () => clients.forEach((client) => client.end()),
    async [Symbol.asyncDispose]() {
      clients.forEach((client) => client.end())
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}

const blobOf = (publicKey: string): Buffer => Buffer.from(publicKey.split(' ')[1] ?? '', 'base64')
