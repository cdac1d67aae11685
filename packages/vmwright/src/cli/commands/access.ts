import { mkdir, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { composeServices } from '../../compose.ts'
import { findLogins, type Logins } from '../../engine/logins.ts'
import {
  renderAnsibleInventory,
  renderEtcHosts,
  renderKnownHosts,
  renderRouteHint,
  renderSshConfig,
} from '../../guest/access.ts'
import { directoriesOf } from '../../lib/directories.ts'
import { attempt, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'

export const accessFormats = ['ssh-config', 'known-hosts', 'ansible', 'hosts', 'route'] as const
export type AccessFormat = (typeof accessFormats)[number]

export interface AccessOptions extends SpecOptions {
  readonly format: AccessFormat
  readonly output?: string
  readonly knownHosts?: string
}

/** K9: how to get in, in the form that other programs read. Guests that cannot be reached now are left out and named. */
export async function access(
  context: CliContext,
  names: readonly string[],
  options: AccessOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const { spec, instances } = await load(context, options, names)
    const { data } = directoriesOf(context.environment, context.homeDirectory)
    const services = composeServices(spec, context)
    const identityFile = join(data, 'id_ed25519')
    const logins = await withView(context, {}, (progress) =>
      findLogins(progress, { spec, instances, services, identityFile }),
    )
    for (const { message } of logins.missing) context.stderr.write(`left out: ${message}\n`)
    const knownHosts = resolve(
      context.currentDirectory,
      options.knownHosts ?? join(data, 'known_hosts', spec.project),
    )
    if (options.format === 'ssh-config' || options.format === 'ansible')
      await writeInFolder(knownHosts, renderKnownHosts(logins.guests))
    const hostOf = (name: string): string =>
      new URL(spec.hosts.find((host) => host.name === name)?.uri ?? 'qemu:///').hostname || hostname()
    const text = options.json
      ? `${JSON.stringify(logins.guests, null, 2)}\n`
      : renderAccess(options.format, logins, knownHosts, hostOf)
    if (options.output === undefined) context.stdout.write(text)
    else await writeInFolder(resolve(context.currentDirectory, options.output), text)
    return logins.missing.length > 0 ? exitCode.failed : exitCode.done
  })
}

/** Pure. `hostOf` gives the name under which clients know a host of the spec. */
export function renderAccess(
  format: AccessFormat,
  { guests, subnets }: Pick<Logins, 'guests' | 'subnets'>,
  knownHosts: string,
  hostOf: (name: string) => string,
): string {
  switch (format) {
    case 'ssh-config':
      return renderSshConfig(guests, { knownHosts })
    case 'known-hosts':
      return renderKnownHosts(guests)
    case 'ansible':
      return renderAnsibleInventory(guests, { knownHosts })
    case 'hosts':
      return renderEtcHosts(guests)
    case 'route':
      return [...subnets].map(([host, blocks]) => renderRouteHint(hostOf(host), blocks)).join('')
  }
}

async function writeInFolder(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}
