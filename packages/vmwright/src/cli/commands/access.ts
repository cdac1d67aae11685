import { lookup } from 'node:dns/promises'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { composeServices } from '../../compose.ts'
import type { Logins } from '../../engine/logins.ts'
import { findRoutes, type HostRoutes } from '../../engine/routes.ts'
import { renderEtcHosts, renderKnownHosts, renderSshConfig } from '../../guest/access.ts'
import { renderAnsibleInventory } from '../../guest/inventory.ts'
import { renderRoutes } from '../../guest/routes.ts'
import type { ResolvedSpec } from '../../spec/resolved.ts'
import { attempt, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load, type Loaded } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import { findGuests, reachFiles, writeInFolder, writeKnownHosts } from '../reach.ts'

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
    const loaded = await load(context, options, names)
    const { spec } = loaded
    if (options.format === 'route') {
      await write(context, options, await routes(context, loaded, options))
      return exitCode.done
    }
    const logins = await withView(context, {}, (progress) => findGuests(context, progress, loaded))
    const knownHosts = resolve(
      context.currentDirectory,
      options.knownHosts ?? reachFiles(context, spec.project).knownHosts,
    )
    if (options.format === 'ssh-config' || options.format === 'ansible')
      await writeKnownHosts(knownHosts, logins)
    const text = options.json
      ? `${JSON.stringify(logins.guests, null, 2)}\n`
      : renderAccess(options.format, logins, { knownHosts, project: spec.project })
    await write(context, options, text)
    return logins.missing.length > 0 ? exitCode.failed : exitCode.done
  })
}

const write = async (
  context: CliContext,
  { output }: Pick<AccessOptions, 'output'>,
  text: string,
): Promise<void> => {
  if (output === undefined) context.stdout.write(text)
  else await writeInFolder(resolve(context.currentDirectory, output), text)
}

/** Pure. */
export function renderAccess(
  format: Exclude<AccessFormat, 'route'>,
  { guests }: Pick<Logins, 'guests'>,
  files: { readonly knownHosts: string; readonly project: string },
): string {
  switch (format) {
    case 'ssh-config':
      return renderSshConfig(guests, files)
    case 'known-hosts':
      return renderKnownHosts(guests)
    case 'ansible':
      return renderAnsibleInventory(guests, files)
    case 'hosts':
      return renderEtcHosts(guests)
  }
}

async function routes(
  context: CliContext,
  { spec, instances }: Loaded,
  { json }: Pick<AccessOptions, 'json'>,
): Promise<string> {
  const services = composeServices(spec, context)
  const found = await withView(context, {}, (progress) => findRoutes(progress, { spec, instances, services }))
  const known = await Promise.all(found.map((each) => withNamedGateways(spec, each)))
  if (json) return `${JSON.stringify(known, null, 2)}\n`
  return known.map(({ advice, gateways }) => renderRoutes(advice, gateways)).join('\n')
}

/** A host that does not show its addresses has those that its name has here. */
async function withNamedGateways(spec: ResolvedSpec, routes: HostRoutes): Promise<HostRoutes> {
  if (routes.gateways.length > 0) return routes
  const uri = spec.hosts.find(({ name }) => name === routes.host)?.uri ?? 'qemu:///'
  const name = new URL(uri).hostname.replaceAll(/[[\]]/g, '') || hostname()
  const addresses = await lookup(name, { all: true }).catch(() => [])
  return { ...routes, gateways: addresses.map(({ address }) => address) }
}
