import type { Duplex } from 'node:stream'
import type { Client, ConnectConfig, ServerHostKeyAlgorithm } from 'ssh2'
import { ProvisionError, messageOf, systemCode } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import type { Secret } from '../lib/secret.ts'

/** Who answers at an address, and how to log in there. Without any means the session ends after the key exchange. */
export interface SshTarget {
  readonly address: string
  readonly port: number
  readonly user: string
  /** Public keys the guest was given (`ssh-ed25519 AAAA…`). Empty: any key is refused. */
  readonly hostKeys: readonly string[]
  /** How long it may take until somebody answers at all. Absent: as long as for the key exchange. */
  readonly connectMs?: number
  /** OpenSSH or PEM form, not encrypted. Tried first. */
  readonly privateKey?: Secret | undefined
  /** Where `privateKey` is kept, absolute: for other programs, such as Ansible. */
  readonly identityFile?: string | undefined
  /** UNIX socket of an SSH agent, whose keys are tried next. */
  readonly agentSocket?: string | undefined
  /** Tried last, also where the server asks for it by keyboard-interactive. */
  readonly password?: Secret | undefined
}

export const hasLogin = ({ privateKey, agentSocket, password }: SshTarget): boolean =>
  privateKey !== undefined || agentSocket !== undefined || password !== undefined

/** A slow guest needs seconds for its part of the key exchange; one inside of it, ten times as many. */
const handshakeMs = { direct: 20_000, behindHops: 120_000 } as const
/** A guest that was cut off is given up after half a minute, one that only holds its breath for a snapshot is not. */
const keepalive = { keepaliveInterval: 6_000, keepaliveCountMax: 4 }

/** Loaded when it is needed; whoever waits for a guest anyway begins meanwhile. */
export const loadClient = () => import('ssh2')

/**
 * Connects, over `socket` where there is one, and checks the host key against the known ones before anything secret is
 * sent; then logs in, if there is a means. The client belongs to the caller and is logged in if `hasLogin`. Throws
 * `guest.host-key-mismatch`, `guest.ssh-refused` (the login), `guest.key-unreadable`, `guest.port-closed` (no answer,
 * or none that is SSH).
 */
export async function connectClient(
  progress: Progress,
  target: SshTarget,
  socket?: Duplex,
  place: keyof typeof handshakeMs = 'direct',
): Promise<Client> {
  const { default: ssh2 } = await loadClient()
  const { signal, timeoutMs } = progress.callOptions(handshakeMs[place])
  signal.throwIfAborted()
  const logins = loginsOf(target, ssh2.utils.parseKey)
  const client = new ssh2.Client()
  let shownKey: string | undefined
  const abort = (): void => void client.destroy()
  signal.addEventListener('abort', abort, { once: true })
  const known = new Set(target.hostKeys.map(keyBlob))
  let silence: NodeJS.Timeout | undefined

  await new Promise<void>((resolve, reject) => {
    client.on('error', (error) => reject(connectError(target, error, known.has(shownKey ?? ''), shownKey)))
    client.on('close', () => reject(closed(target, 'the connection was closed')))
    client.on('handshake', () => {
      if (!hasLogin(target)) resolve()
    })
    client.on('ready', () => resolve())
    silence =
      target.connectMs === undefined
        ? undefined
        : setTimeout(() => reject(closed(target, 'nobody answers')), target.connectMs)
    client.once('connect', () => clearTimeout(silence))
    client.on('keyboard-interactive', (_name, _text, _language, prompts, answer) =>
      answer(prompts.map(() => target.password?.reveal() ?? '')),
    )
    client.connect({
      ...(socket === undefined ? { host: target.address, port: target.port } : { sock: socket }),
      username: target.user,
      readyTimeout: timeoutMs,
      ...keepalive,
      algorithms: { serverHostKey: hostKeyAlgorithms(target.hostKeys) },
      hostVerifier: (key: Buffer) => {
        shownKey = key.toString('base64')
        return known.has(shownKey)
      },
      ...logins,
    })
    client.setNoDelay(true)
  })
    .catch((error: unknown) => {
      client.destroy()
      signal.throwIfAborted()
      throw error
    })
    .finally(() => {
      clearTimeout(silence)
      signal.removeEventListener('abort', abort)
    })
  client.removeAllListeners('error').on('error', () => {})
  return client
}

function loginsOf(
  target: SshTarget,
  parseKey: (key: string) => unknown,
): Pick<ConnectConfig, 'privateKey' | 'agent' | 'password' | 'tryKeyboard' | 'authHandler'> {
  const { privateKey, agentSocket, password } = target
  if (!hasLogin(target)) return { authHandler: () => false as const }
  const problem = privateKey === undefined ? undefined : parseKey(privateKey.reveal())
  if (problem instanceof Error) throw unusableKey(target, problem)
  return {
    ...(privateKey === undefined ? {} : { privateKey: privateKey.reveal() }),
    ...(agentSocket === undefined ? {} : { agent: agentSocket }),
    ...(password === undefined ? {} : { password: password.reveal(), tryKeyboard: true }),
    authHandler: [
      ...(privateKey === undefined ? [] : ['publickey' as const]),
      ...(agentSocket === undefined ? [] : ['agent' as const]),
      ...(password === undefined ? [] : ['password' as const, 'keyboard-interactive' as const]),
    ],
  }
}

function unusableKey({ identityFile }: SshTarget, cause: Error): ProvisionError {
  const name = identityFile === undefined ? 'The SSH key' : `The SSH key ${identityFile}`
  return new ProvisionError('guest.key-unreadable', {
    message: `${name} cannot be used: it is encrypted, or no private key.`,
    hint:
      identityFile === undefined
        ? 'Give an unencrypted private key in OpenSSH or PEM form.'
        : `Give a key without a passphrase; this takes it off: ssh-keygen -p -N '' -f ${identityFile}`,
    details: { path: identityFile },
    cause,
  })
}

/** The base64 part of a public key. */
export const keyBlob = (publicKey: string): string => publicKey.trim().split(/\s+/)[1] ?? ''

/** The types of the known keys first: a server with several keys then shows one that can be checked. */
function hostKeyAlgorithms(hostKeys: readonly string[]): ServerHostKeyAlgorithm[] {
  const all: readonly ServerHostKeyAlgorithm[] = [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ]
  const types = new Set(hostKeys.map((key) => key.trim().split(/\s+/)[0]))
  const isKnown = (algorithm: string): boolean =>
    types.has(algorithm) || (types.has('ssh-rsa') && algorithm.startsWith('rsa-'))
  return [...all.filter(isKnown), ...all.filter((each) => !isKnown(each))]
}

function connectError(
  target: SshTarget,
  error: Error & { readonly level?: string },
  keyIsKnown: boolean,
  shownKey: string | undefined,
): ProvisionError {
  const where = `${target.address} port ${target.port}`
  if (shownKey !== undefined && !keyIsKnown)
    return new ProvisionError('guest.host-key-mismatch', {
      message: `The machine at ${where} shows an SSH host key that the guest was not given.`,
      details: { address: target.address, port: target.port, shownKey, knownKeys: target.hostKeys },
      cause: error,
    })
  if (error.level === 'client-authentication')
    return new ProvisionError('guest.ssh-refused', {
      message: `The guest at ${where} refused the login of ${target.user} with ${meansOf(target)}.`,
      details: { address: target.address, port: target.port, user: target.user },
      retryable: true,
      cause: error,
    })
  return closed(target, systemCode(error) === 'ECONNREFUSED' ? 'connection refused' : messageOf(error), error)
}

const meansOf = ({ privateKey, agentSocket, password }: SshTarget): string =>
  [
    ...(privateKey === undefined ? [] : ['the key']),
    ...(agentSocket === undefined ? [] : ['the keys of the SSH agent']),
    ...(password === undefined ? [] : ['the password']),
  ].join(' and ')

/** For a connection that cannot be made, or broke. */
export const closed = (
  target: Pick<SshTarget, 'address' | 'port'>,
  because: string,
  cause?: unknown,
): ProvisionError =>
  new ProvisionError('guest.port-closed', {
    message: `No SSH connection to ${target.address} port ${target.port}: ${because}.`,
    details: { address: target.address, port: target.port, because },
    retryable: true,
    cause,
  })
