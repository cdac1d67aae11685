import type { VmState } from '../../hypervisor/contract.ts'
import type {
  ConsoleStream,
  GuestAccess,
  GuestAddresses,
  GuestChange,
} from '../../hypervisor/guest-access.ts'
import { ProvisionError } from '../../lib/errors.ts'
import type { Seam } from '../../lib/seam.ts'
import type { GuestNetwork, PortAnswer } from '../network.ts'
import type { CommandResult, SshSession } from '../ssh.ts'

/** What happens in or around a scripted guest at a moment. */
export type ScriptEvent = { readonly atMs: number } & (
  | { readonly kind: 'state'; readonly state: VmState }
  | { readonly kind: 'console'; readonly text: string }
  | { readonly kind: 'console-ends' }
  | { readonly kind: 'addresses'; readonly addresses: Partial<GuestAddresses> }
  | { readonly kind: 'agent'; readonly connected: boolean }
  | { readonly kind: 'file'; readonly path: string; readonly content: string }
  | { readonly kind: 'port'; readonly address: string; readonly answer: PortAnswer }
  | { readonly kind: 'sshd'; readonly address: string; readonly sshd: Sshd }
  /** All connections break. */
  | { readonly kind: 'restart' }
)

export interface Sshd {
  readonly hostKey: string
  readonly login: 'accepted' | 'refused'
}

export interface ScriptedGuest extends GuestAccess {
  readonly network: GuestNetwork
  /** Names of agent commands, in order. */
  readonly agentCalls: readonly string[]
  /** Command lines started over SSH. */
  readonly sshCommands: readonly string[]
  readonly openConsoles: number
}

/** A guest in memory, with its network, that lives by the seam's clock. No console when `console` is false. */
export function scriptedGuest(
  seam: Seam,
  events: readonly ScriptEvent[],
  options: {
    readonly console?: 'none'
    readonly agentReply?: (command: string) => unknown
    readonly isEmulated?: boolean
  } = {},
): ScriptedGuest {
  let state: VmState = 'running'
  let addresses: GuestAddresses = { lease: [], arp: [], agent: [] }
  let agentConnected = false
  const files = new Map<string, string>()
  const ports = new Map<string, PortAnswer>()
  const sshds = new Map<string, Sshd>()
  const watchers = new Set<(change: GuestChange) => void>()
  const consoles = new Set<ConsoleQueue>()
  const connections = new Set<() => void>()
  const agentCalls: string[] = []
  const sshCommands: string[] = []
  const handles = new Map<number, string>()

  const apply = (event: ScriptEvent): void => {
    const tell = (change: GuestChange): void => watchers.forEach((watcher) => watcher(change))
    switch (event.kind) {
      case 'state':
        state = event.state
        return tell({ kind: 'state', state })
      case 'console':
        return consoles.forEach((queue) => queue.push(new TextEncoder().encode(event.text)))
      case 'console-ends':
        return consoles.forEach((queue) => queue.end())
      case 'addresses':
        addresses = { ...addresses, ...event.addresses }
        return undefined
      case 'agent':
        agentConnected = event.connected
        return tell({ kind: 'agent', connected: event.connected })
      case 'file':
        return void files.set(event.path, event.content)
      case 'port':
        return void ports.set(event.address, event.answer)
      case 'sshd':
        ports.set(event.address, 'open')
        return void sshds.set(event.address, event.sshd)
      case 'restart':
        connections.forEach((breakOff) => breakOff())
        return connections.clear()
    }
  }
  for (const event of events) {
    if (event.atMs === 0) apply(event)
    else void seam.sleep(event.atMs).then(() => apply(event))
  }

  const session = (): SshSession => {
    let alive = true
    connections.add(() => (alive = false))
    const start: SshSession['start'] = async (_progress, command, onOutput) => {
      sshCommands.push(command)
      const { promise, resolve, reject } = Promise.withResolvers<CommandResult>()
      promise.catch(() => {})
      connections.add(() => reject(new ProvisionError('guest.port-closed', { message: 'It broke.' })))
      const look = (): void => {
        const result = files.get('/run/cloud-init/result.json')
        const status = files.get('/run/cloud-init/status.json') ?? ''
        if (result !== undefined)
          resolve({ exitCode: 0, stdout: `.\n--vmwright--\n${result}\n--vmwright--\n${status}`, stderr: '' })
        else if (files.has('/run/cloud-init/disabled')) resolve({ exitCode: 4, stdout: '', stderr: '' })
        else onOutput?.()
      }
      return { done: promise, write: look, [Symbol.dispose]: () => {} }
    }
    return {
      get alive() {
        return alive
      },
      start,
      exec: async (_progress, command) => {
        sshCommands.push(command)
        return { exitCode: 0, stdout: files.get('/var/log/cloud-init.log') ?? '', stderr: '' }
      },
      [Symbol.dispose]: () => {
        alive = false
      },
    }
  }

  return {
    agentCalls,
    sshCommands,
    get openConsoles() {
      return consoles.size
    },
    state: async () => state,
    isEmulated: async () => options.isEmulated ?? false,
    addresses: async () => addresses,
    async agent(_progress, command, args = {}) {
      agentCalls.push(command)
      if (!agentConnected) throw new ProvisionError('guest.agent-silent', { message: 'Not connected.' })
      const scripted = options.agentReply?.(command)
      if (scripted !== undefined) return scripted
      switch (command) {
        case 'guest-ping':
          return {}
        case 'guest-file-open': {
          const content = files.get(String(args['path']))
          if (content === undefined)
            throw new ProvisionError('host.operation-failed', { message: 'No such file.' })
          const handle = agentCalls.length
          handles.set(handle, content)
          return handle
        }
        case 'guest-file-read': {
          const rest = Buffer.from(handles.get(Number(args['handle'])) ?? '')
          const chunk = rest.subarray(0, Number(args['count']))
          handles.set(Number(args['handle']), rest.subarray(chunk.length).toString())
          return {
            count: chunk.length,
            'buf-b64': chunk.toString('base64'),
            eof: chunk.length === rest.length,
          }
        }
        case 'guest-file-close':
          handles.delete(Number(args['handle']))
          return {}
        case 'guest-exec':
          return { pid: 7 }
        case 'guest-exec-status': {
          const log = files.get('/var/log/cloud-init.log') ?? ''
          return { exited: true, exitcode: 0, 'out-data': Buffer.from(log).toString('base64') }
        }
        default:
          throw new ProvisionError('host.operation-failed', { message: `${command} is not known.` })
      }
    },
    async console() {
      if (options.console === 'none')
        throw new ProvisionError('host.missing-capability', { message: 'This host has no consoles.' })
      const queue = new ConsoleQueue(() => consoles.delete(queue))
      consoles.add(queue)
      return queue
    },
    async watch(_progress, onChange) {
      watchers.add(onChange)
      return {
        async [Symbol.asyncDispose]() {
          watchers.delete(onChange)
        },
      }
    },
    network: {
      tryPort: async (_progress, address) => ports.get(address) ?? 'silent',
      async connectSsh(_progress, target) {
        const { address } = target
        const sshd = sshds.get(address)
        if (sshd === undefined)
          throw new ProvisionError('guest.port-closed', { message: `No SSH at ${address}.` })
        if (!target.hostKeys.includes(sshd.hostKey))
          throw new ProvisionError('guest.host-key-mismatch', { message: `Foreign key at ${address}.` })
        if (target.privateKey === undefined) return { kind: 'verified' }
        if (sshd.login === 'refused')
          throw new ProvisionError('guest.ssh-refused', { message: `Refused at ${address}.` })
        return { kind: 'session', session: session() }
      },
    },
  }
}

class ConsoleQueue implements ConsoleStream {
  readonly #chunks: Uint8Array[] = []
  readonly #onClose: () => void
  #wake: () => void = () => {}
  #ended = false

  constructor(onClose: () => void) {
    this.#onClose = onClose
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) yield chunk
      else if (this.#ended) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  async write(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    this.end()
    this.#onClose()
  }
}
