import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { composeServices } from '../compose.ts'
import { findLogins, type Logins } from '../engine/logins.ts'
import { renderKnownHosts } from '../guest/access.ts'
import { directoriesOf } from '../lib/directories.ts'
import type { Progress } from '../lib/progress.ts'
import type { CliContext } from './context.ts'
import type { Loaded } from './load.ts'

/** Where what other programs read about the guests of a project is kept. */
export interface ReachFiles {
  readonly identityFile: string
  readonly knownHosts: string
  readonly sshConfig: string
  /** An inventory script for Ansible. */
  readonly inventory: string
}

export function reachFiles(
  { environment, homeDirectory }: Pick<CliContext, 'environment' | 'homeDirectory'>,
  project: string,
): ReachFiles {
  const { data } = directoriesOf(environment, homeDirectory)
  return {
    identityFile: join(data, 'id_ed25519'),
    knownHosts: join(data, 'known_hosts', project),
    sshConfig: join(data, 'ssh_config', project),
    inventory: join(data, 'inventory', project),
  }
}

/** Asks the hosts for the guests; those that cannot be reached now are named on stderr. */
export async function findGuests(
  context: CliContext,
  progress: Progress,
  { spec, instances }: Pick<Loaded, 'spec' | 'instances'>,
): Promise<Logins> {
  const services = composeServices(spec, context)
  const { identityFile } = reachFiles(context, spec.project)
  const logins = await findLogins(progress, { spec, instances, services, identityFile })
  for (const { message } of logins.missing) context.stderr.write(`left out: ${message}\n`)
  return logins
}

/** A file with the host keys of these guests, which other files name. */
export const writeKnownHosts = (path: string, { guests }: Pick<Logins, 'guests'>): Promise<void> =>
  writeInFolder(path, renderKnownHosts(guests))

export async function writeInFolder(path: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text, { mode })
}
