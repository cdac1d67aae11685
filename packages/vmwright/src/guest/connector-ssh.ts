import { readFile } from 'node:fs/promises'
import type { Duplex } from 'node:stream'
import { type Socket, connect } from 'node:net'
import { withoutPrefix } from '../lib/addresses.ts'
import { ProvisionError, isProvisionError, messageOf } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { Secret } from '../lib/secret.ts'
import type { ConnectionSpec } from '../spec/resolved-lifecycle.ts'
import type { GuestChannel } from './channel.ts'
import { within } from './channel-limits.ts'
import { sshChannel } from './channel-ssh.ts'
import { seenAddresses } from './climb.ts'
import type { ConnectorContext, GuestConnector } from './connector.ts'
import { ansibleOverSsh } from './connector-ansible.ts'
import { type SshTarget, closed, loadClient } from './ssh-client.ts'
import { connectThrough, passThrough, requireLogin } from './ssh-jump.ts'
import { knock } from './ssh-knock.ts'

export type SshConnection = Extract<ConnectionSpec, { readonly kind: 'ssh' }>

const pauseMs = 250
const cutMs = 20
const bannerMs = 5_000
/** One look, so that an address where nobody is does not take all of the time. */
const lookMs = 20_000
/** Where there are several. */
const otherMs = 2_000

export function sshConnector(context: ConnectorContext, connection: SshConnection): GuestConnector {
  const user = connection.user ?? context.login.user
  const description = `${context.name} by SSH as ${user}${context.jumps.length === 0 ? '' : ` through ${context.jumps.map((jump) => jump.address).join(', ')}`}`

  const open = async (progress: Progress): Promise<GuestChannel> => {
    void loadClient().catch(() => {}) // tells again when it is used
    const login = await loginOf(context, connection)
    return await firstThatAnswers(progress, context, connection, async (address, way) => {
      const target = { ...login, address }
      const object = `${user}@${address}:${target.port}`
      requireLogin(target)
      const socket = await way()
      return await progress.seam.effect({ kind: 'ssh.connect', object, mutates: false }, async () => {
        const { end, close } = await connectThrough(progress, context.jumps, target, socket)
        return sshChannel({ client: end, target, close })
      })
    })
  }

  const look = async (progress: Progress): Promise<GuestChannel | undefined> => {
    if (connection.wait === 'connection') return await open(progress)
    await firstThatAnswers(progress, context, connection, async (address, way) =>
      readBanner(progress, context.jumps, { address, port: connection.port, user }, await way()),
    )
    return undefined
  }

  return {
    kind: 'ssh',
    description,
    open,
    async awaitReachable(progress) {
      const limited = progress.child({ timeoutMs: connection.timeoutMs })
      let last: ProvisionError | undefined
      const attempt = async (): Promise<{ readonly channel: GuestChannel | undefined } | undefined> => {
        try {
          return { channel: await look(limited.child({ timeoutMs: lookMs })) }
        } catch (error) {
          progress.check()
          if (!isProvisionError(error) || !mayPass.has(error.code)) throw error
          // What the end of the time cut off explains less.
          const isCut = limited.remainingMs < cutMs || error.code === 'wait.timeout'
          if (last === undefined || !isCut) last = error
          return undefined
        }
      }
      const reached = await limited
        .poll({ everyMs: pauseMs, what: description }, attempt)
        .catch((error: unknown) => {
          throw isProvisionError(error, 'wait.timeout') && last !== undefined && progress.remainingMs > 0
            ? last
            : error
        })
      return reached.channel
    },
    ansible: async (progress, folder) =>
      await ansibleOverSsh(progress, folder, {
        name: context.name,
        target: {
          ...(await loginOf(context, connection)),
          address: await bestAddress(progress, context, connection),
        },
        jumps: context.jumps,
      }),
  }
}

/** What a guest that is still starting answers. */
const mayPass: ReadonlySet<string> = new Set([
  'guest.no-address',
  'guest.port-closed',
  'guest.ssh-refused',
  'guest.host-key-mismatch',
  'wait.timeout',
])

async function loginOf(
  { login, readSecret }: ConnectorContext,
  connection: SshConnection,
): Promise<Omit<SshTarget, 'address'>> {
  const { identityFile } = connection
  const password = connection.password === undefined ? undefined : await readSecret(connection.password)
  return {
    port: connection.port,
    user: connection.user ?? login.user,
    hostKeys: login.hostKeys,
    identityFile: identityFile ?? login.identityFile,
    privateKey: identityFile === undefined ? login.privateKey : await readKey(identityFile),
    password,
  }
}

async function readKey(path: string): Promise<Secret> {
  try {
    return new Secret(await readFile(path, 'utf8'))
  } catch (error) {
    throw new ProvisionError('guest.key-unreadable', {
      message: `The SSH key ${path} cannot be read: ${messageOf(error)}`,
      hint: 'Correct `identityFile` of the connection.',
      details: { path },
      cause: error,
    })
  }
}

/** What to go through to an address; `undefined`: the first hop has to be connected to. */
type Way = () => Promise<Socket | undefined>

/** Tries the addresses of the guest one after the other, the surest first; throws what explains most. */
async function firstThatAnswers<T>(
  progress: Progress,
  context: ConnectorContext,
  { port }: SshConnection,
  attempt: (address: string, way: Way) => Promise<T>,
): Promise<T> {
  const problems: ProvisionError[] = []
  const tryAt = async (address: string, way: Way): Promise<{ readonly result: T } | undefined> => {
    try {
      return { result: await attempt(address, way) }
    } catch (error) {
      progress.check()
      if (!isProvisionError(error) || !error.code.startsWith('guest.')) throw error
      problems.push(error)
      return undefined
    }
  }
  const isDirect = context.jumps.length === 0
  const listing = addressesOf(progress, context)
  const early = isDirect ? await firstKnown(progress, context.knownAddresses, port, listing) : undefined
  const reached = early && (await tryAt(early.address, async () => early.socket))
  if (reached !== undefined) return reached.result
  const addresses = (await listing).filter((address) => address !== early?.address)
  // Nobody at an old address must not cost the time of a whole handshake.
  const limitMs = addresses.length > 1 ? otherMs : lookMs
  for (const address of addresses) {
    const way: Way = async () => (isDirect ? await knock(progress, { address, port }, limitMs) : undefined)
    const found = await tryAt(address, way)
    if (found !== undefined) return found.result
  }
  throw (
    problems.find(({ code }) => code === 'guest.ssh-refused') ??
    problems.find(({ code }) => code === 'guest.host-key-mismatch') ??
    problems[0] ??
    noAddress(context.name)
  )
}

/**
 * The first address that accepts a connection before the hypervisor has told of all: its answer waits for the guest
 * agent, which takes seconds in a guest that has just gone on after a restore.
 */
async function firstKnown(
  progress: Progress,
  addresses: readonly string[],
  port: number,
  listing: Promise<unknown>,
): Promise<{ readonly address: string; readonly socket: Socket } | undefined> {
  const over = new AbortController()
  const end = (): void => over.abort()
  listing.then(end, end)
  const asking = progress.child({ signal: over.signal })
  const knocks = addresses.map(async (address) => {
    const socket = await knock(asking, { address, port }, lookMs)
    if (over.signal.aborted) {
      socket.destroy()
      throw closed({ address, port }, 'another address was first')
    }
    end()
    return { address, socket }
  })
  return await Promise.any(knocks).catch(() => undefined)
}

async function addressesOf(
  progress: Progress,
  { access, knownAddresses }: ConnectorContext,
): Promise<readonly string[]> {
  const addresses = await access.addresses(progress)
  const seen = [...new Set([...seenAddresses(addresses), ...knownAddresses])]
  // A hypervisor that forwards a port of this machine to the guest has nothing but loopback to tell.
  return seen.length > 0 ? seen : addresses.lease.map(withoutPrefix)
}

const noAddress = (name: string): ProvisionError =>
  new ProvisionError('guest.no-address', {
    message: `No address of ${name} is known.`,
    details: { name },
    retryable: true,
  })

/** The one that answers; for a program that is given one and no other. */
async function bestAddress(
  progress: Progress,
  context: ConnectorContext,
  connection: SshConnection,
): Promise<string> {
  const addresses = await addressesOf(progress, context)
  const [first] = addresses
  if (first === undefined) throw noAddress(context.name)
  if (addresses.length === 1) return first
  const user = connection.user ?? context.login.user
  return await firstThatAnswers(progress, context, connection, async (address, way) => {
    await readBanner(progress, context.jumps, { address, port: connection.port, user }, await way())
    return address
  })
}

/** Resolves when what answers there says that it is SSH (RFC 4253, section 4.2). */
async function readBanner(
  progress: Progress,
  jumps: readonly SshTarget[],
  to: Pick<SshTarget, 'address' | 'port' | 'user'>,
  way: Duplex | undefined,
): Promise<void> {
  const limited = progress.child({ timeoutMs: bannerMs })
  const target = { ...to, hostKeys: [] }
  const read = async (passed: Duplex | undefined): Promise<void> => {
    const socket = passed ?? connect({ host: to.address, port: to.port })
    try {
      await within(limited, `SSH at ${to.address} port ${to.port}`, bannerOf(socket, target))
    } finally {
      socket.destroy()
    }
  }
  const { close } = await passThrough(limited, jumps, to, read, way)
  close()
}

function bannerOf(socket: Duplex, target: SshTarget): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      // Other lines may come before it.
      if (/^SSH-\d/m.test(text)) resolve()
      else if (text.length > 8_192) reject(closed(target, 'it does not speak SSH'))
    })
    socket.once('error', (error) => reject(closed(target, messageOf(error), error)))
    socket.once('close', () => reject(closed(target, 'it does not speak SSH')))
  })
}
