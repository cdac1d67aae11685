import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GuestAccess } from '../../hypervisor/guest-access.ts'
import { ProvisionError } from '../../lib/errors.ts'

const program = '/usr/sbin/qemu-ga'

export const whyNoAgent = (): string | undefined => {
  if (!existsSync(program)) return 'qemu-ga is missing: install qemu-guest-agent'
  return process.getuid?.() === 0 ? undefined : 'commands of the agent are for root'
}

export interface TestAgent extends AsyncDisposable {
  /** A machine whose agent this is; only `agent` works. */
  readonly access: GuestAccess
  /** Names of the calls, in order. */
  readonly calls: readonly string[]
  /** The largest reply, in bytes. */
  readonly largestReply: number
  kill(): void
}

/** What may be called here: nothing that touches the machine itself. */
const allowed = /^guest-(?:ping|info|get-osinfo|exec|exec-status|file-\w+)$/

const isRunFolder = (word: unknown): word is string =>
  typeof word === 'string' && /^\/run\/vmwright-\w+$/.test(word)

/** A real guest agent that serves this machine over a UNIX socket. `blocked`: commands it refuses. */
export async function startAgent(blocked: readonly string[] = []): Promise<TestAgent> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-agent-'))
  const path = join(folder, 'socket')
  const words = ['-m', 'unix-listen', '-p', path, '-f', join(folder, 'pid'), '-t', folder]
  const refused = blocked.length === 0 ? [] : ['-b', blocked.join(',')]
  const agent = spawn(program, [...words, ...refused], { stdio: 'ignore' })
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 20))
  const socket = connect(path)
  await once(socket, 'connect')
  const calls: string[] = []
  const waiting: { resolve(reply: unknown): void; reject(error: Error): void }[] = []
  const made = new Set<string>()
  let isGone = false
  let text = ''
  let largestReply = 0
  const silent = (): ProvisionError =>
    new ProvisionError('guest.agent-silent', { message: 'The guest agent does not answer.', retryable: true })
  socket.setEncoding('utf8')
  socket.on('data', (data: string) => {
    text += data
    const lines = text.split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) {
      largestReply = Math.max(largestReply, line.length)
      const reply = JSON.parse(line) as {
        readonly return?: unknown
        readonly error?: { readonly desc: string }
      }
      const waiter = waiting.shift()
      if (reply.error === undefined) waiter?.resolve(reply.return)
      else waiter?.reject(new ProvisionError('host.operation-failed', { message: reply.error.desc }))
    }
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isGone = true
    for (const { reject } of waiting.splice(0)) reject(silent())
  })
  const unused = (): never => {
    throw new Error('not part of a test agent')
  }
  return {
    calls,
    get largestReply() {
      return largestReply
    },
    access: {
      state: unused,
      isEmulated: unused,
      addresses: unused,
      console: unused,
      watch: unused,
      async agent(progress, command, args) {
        progress.check()
        if (!allowed.test(command)) throw new Error(`${command} must not be called on this machine`)
        if (isGone) throw silent()
        calls.push(command)
        const words = args?.['arg']
        if (Array.isArray(words)) words.filter(isRunFolder).forEach((word) => made.add(word))
        return await new Promise((resolve, reject) => {
          waiting.push({ resolve, reject })
          socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`)
        })
      },
    },
    kill: () => void agent.kill('SIGKILL'),
    async [Symbol.asyncDispose]() {
      socket.destroy()
      agent.kill('SIGKILL')
      // Those of commands whose agent was killed.
      for (const each of [folder, ...made]) await rm(each, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}
