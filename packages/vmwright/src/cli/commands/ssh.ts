import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { composeServices } from '../../compose.ts'
import { findLogins } from '../../engine/logins.ts'
import { type GuestLogin, renderKnownHosts } from '../../guest/access.ts'
import { directoriesOf } from '../../lib/directories.ts'
import { ProvisionError, systemCode } from '../../lib/errors.ts'
import { attempt, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { loadInstanceOrFork } from '../fork-instance.ts'
import type { SpecOptions } from '../options.ts'

export interface SshOptions extends Omit<SpecOptions, 'json'> {
  readonly user?: string
  readonly jump: boolean
}

/**
 * X6: logs in with the user's own `ssh`, which accepts only the host keys that the guest was given. Resolves with
 * ssh's exit code, which is that of the remote command.
 */
export async function ssh(
  context: CliContext,
  name: string,
  command: readonly string[],
  options: SshOptions,
): Promise<number> {
  return attempt(context, {}, async () => {
    const { spec, instance } = await loadInstanceOrFork(context, { ...options, json: false }, name)
    const { data } = directoriesOf(context.environment, context.homeDirectory)
    const logins = await withView(context, {}, (progress) =>
      findLogins(progress, {
        spec,
        instances: [instance],
        services: composeServices(spec, context),
        identityFile: join(data, 'id_ed25519'),
      }),
    )
    const [guest] = logins.guests
    if (guest === undefined) throw logins.missing[0] ?? new Error(`no way to ${name}`)
    if (guest.hostKeys.length === 0)
      throw new ProvisionError('guest.host-key-mismatch', {
        message: `No SSH host key of ${name} is known, so nothing can be verified.`,
        hint: `Log in with ssh itself when you know the key: ssh ${guest.user}@${guest.addresses[0]}`,
      })
    const on = logins.instances[0]?.host
    const uri = spec.hosts.find((host) => host.name === on)?.uri ?? ''
    const folder = await mkdtemp(join(tmpdir(), 'vmwright-ssh-'))
    try {
      const knownHosts = join(folder, 'known_hosts')
      await writeFile(knownHosts, renderKnownHosts([guest]))
      const jump = options.jump ? jumpOf(uri) : undefined
      return await runSsh(
        context,
        sshArguments({ ...guest, user: options.user ?? guest.user }, { knownHosts, jump, command }),
      )
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
}

/**
 * The user's own configuration holds (agents, ciphers, multiplexing), but not where it would weaken the check of
 * the host key. Pure.
 */
export function sshArguments(
  guest: GuestLogin,
  how: {
    readonly knownHosts: string
    readonly jump: string | undefined
    readonly command: readonly string[]
  },
): readonly string[] {
  const [address = ''] = guest.addresses
  const settings = [
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile=${how.knownHosts}`,
    'GlobalKnownHostsFile=/dev/null',
    `HostKeyAlias=${guest.name}`,
    'CheckHostIP=no',
    ...(guest.identityFile === undefined
      ? []
      : [`IdentityFile="${guest.identityFile.replaceAll('%', '%%')}"`]),
  ]
  return [
    ...settings.flatMap((setting) => ['-o', setting]),
    ...(how.jump === undefined ? [] : ['-J', how.jump]),
    '-p',
    String(guest.port),
    '-l',
    guest.user,
    '--',
    address,
    // Commander leaves the dashes of `vmwright ssh NAME -- COMMAND` to us; the guest's shell would stumble over them.
    ...(how.command[0] === '--' ? how.command.slice(1) : how.command),
  ]
}

/** `user@host:port` of a host that is reached by SSH; `undefined` for others. */
export function jumpOf(uri: string): string | undefined {
  const { protocol, username, host } = new URL(uri)
  if (!/\+(?:ssh|libssh2?):$/.test(protocol) || host === '') return undefined
  return username === '' ? host : `${decodeURIComponent(username)}@${host}`
}

async function runSsh(context: CliContext, args: readonly string[]): Promise<number> {
  // ssh says itself what a signal did to it.
  const undivert = context.divert(() => {})
  const child = spawn('ssh', args, { stdio: 'inherit' })
  const stop = (): void => void child.kill('SIGTERM')
  context.signal.addEventListener('abort', stop, { once: true })
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)))
    })
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    throw new ProvisionError('process.not-found', {
      message: 'The program ssh is not installed.',
      hint: 'Install the OpenSSH client (Debian: openssh-client), then run the command again.',
    })
  } finally {
    context.signal.removeEventListener('abort', stop)
    undivert()
  }
}
