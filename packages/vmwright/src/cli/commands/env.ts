import { basename, resolve } from 'node:path'
import { type GuestLogin, renderSshConfig } from '../../guest/access.ts'
import { renderVariables, type Shell, type Variables } from '../../guest/shell-variables.ts'
import { attempt, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import { findGuests, reachFiles, writeInFolder, writeKnownHosts } from '../reach.ts'
import { writeInventoryScript } from './inventory.ts'

export interface EnvOptions extends SpecOptions {
  readonly shell?: Shell
  readonly unset: boolean
}

/** K9: variables for a shell to evaluate. Guests that cannot be reached now are left out, and named on stderr. */
export async function env(
  context: CliContext,
  names: readonly string[],
  options: EnvOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const variables = options.unset
      ? withoutEarlier(context.environment, {})
      : await variablesFor(context, names, options)
    const { stdout } = context
    if (options.json) stdout.write(`${JSON.stringify(definedIn(variables), null, 2)}\n`)
    else stdout.write(renderVariables(options.shell ?? shellOf(context.environment), variables))
    return exitCode.done
  })
}

async function variablesFor(
  context: CliContext,
  names: readonly string[],
  options: EnvOptions,
): Promise<Variables> {
  const loaded = await load(context, options, names)
  const { spec } = loaded
  const files = reachFiles(context, spec.project)
  const logins = await withView(context, {}, (progress) => findGuests(context, progress, loaded))
  await writeKnownHosts(files.knownHosts, logins)
  await writeInFolder(files.sshConfig, renderSshConfig(logins.guests, files))
  await writeInventoryScript(context, files.inventory, options)
  const [host, ...otherHosts] = spec.hosts
  return withoutEarlier(context.environment, {
    VMWRIGHT_FILE: resolve(context.currentDirectory, options.file),
    VMWRIGHT_PROJECT: spec.project,
    VMWRIGHT_SSH_CONFIG: files.sshConfig,
    ...addressVariables(logins.guests),
    ANSIBLE_INVENTORY: files.inventory,
    ...(host !== undefined && otherHosts.length === 0 ? { LIBVIRT_DEFAULT_URI: host.uri } : {}),
  })
}

/** `VMWRIGHT_ADDRESS_WEB_1`. Guests whose names become the same word are all left out. Pure. */
export function addressVariables(guests: readonly GuestLogin[]): Readonly<Record<string, string>> {
  const byName = Map.groupBy(guests, ({ name }) => name.toUpperCase().replaceAll(/\W|-/g, '_'))
  return Object.fromEntries(
    [...byName].flatMap(([word, [guest, ...others]]) => {
      const address = guest?.addresses[0]
      return address === undefined || others.length > 0 ? [] : [[`VMWRIGHT_ADDRESS_${word}`, address]]
    }),
  )
}

/** Names what is set in `VMWRIGHT_ENV`, so that who comes later knows what to take away again. Pure. */
export function withoutEarlier(
  environment: CliContext['environment'],
  variables: Readonly<Record<string, string>>,
): Variables {
  const earlier = (environment['VMWRIGHT_ENV'] ?? '').split(' ').filter((name) => ours.test(name))
  const names = Object.keys(variables)
  return {
    ...Object.fromEntries(earlier.map((name) => [name, undefined])),
    ...variables,
    VMWRIGHT_ENV: names.length === 0 ? undefined : names.join(' '),
  }
}

/** What is in the environment may be anybody's text. */
const ours = /^(?:VMWRIGHT_[A-Z0-9_]+|ANSIBLE_INVENTORY|LIBVIRT_DEFAULT_URI)$/

const definedIn = (variables: Variables): Variables =>
  Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined))

const shellOf = ({ SHELL }: CliContext['environment']): Shell => {
  const name = basename(SHELL ?? '')
  if (name === 'fish') return 'fish'
  return name === 'pwsh' ? 'powershell' : 'sh'
}
