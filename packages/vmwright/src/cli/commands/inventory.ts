import { chmod } from 'node:fs/promises'
import { resolve } from 'node:path'
import { inventoryList } from '../../guest/inventory.ts'
import { singleQuoted } from '../../lib/shell.ts'
import { attempt } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import { findGuests, reachFiles, writeInFolder, writeKnownHosts } from '../reach.ts'

export interface InventoryOptions extends Omit<SpecOptions, 'json'> {
  readonly list?: boolean
  readonly host?: string
  readonly script?: string
}

/**
 * K9: what Ansible asks of an inventory script. Guests that cannot be reached now are left out, and named on stderr,
 * which Ansible shows: a failure would take the others from it too.
 */
export async function inventory(context: CliContext, options: InventoryOptions): Promise<number> {
  return attempt(context, {}, async () => {
    if (options.script !== undefined) {
      const path = resolve(context.currentDirectory, options.script)
      await writeInventoryScript(context, path, options)
      context.stderr.write(`wrote ${path}: ansible -i ${path} all -m ping\n`)
      return exitCode.done
    }
    const loaded = await load(context, { ...options, json: true })
    const { project } = loaded.spec
    const { knownHosts } = reachFiles(context, project)
    const logins = await findGuests(context, context.progress(), loaded)
    await writeKnownHosts(knownHosts, logins)
    const list = inventoryList(logins.guests, { knownHosts, project })
    const { hostvars } = list._meta
    const result = options.host === undefined ? list : (hostvars[options.host] ?? {})
    context.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
    return exitCode.done
  })
}

/** A file that Ansible runs for its inventory: this command, with the spec and the variables that it has now. */
export async function writeInventoryScript(
  context: CliContext,
  path: string,
  options: Pick<SpecOptions, 'file' | 'var' | 'varFile'>,
): Promise<void> {
  await writeInFolder(path, inventoryScript(context, options), 0o755)
  await chmod(path, 0o755) // a file that was there keeps its mode
}

/** Pure. */
export function inventoryScript(
  { currentDirectory, environment }: Pick<CliContext, 'currentDirectory' | 'environment'>,
  { file, var: variables, varFile }: Pick<SpecOptions, 'file' | 'var' | 'varFile'>,
): string {
  const words = [
    environment['VMWRIGHT_PROGRAM'] ?? 'vmwright',
    'inventory',
    '-f',
    resolve(currentDirectory, file),
    ...(varFile === undefined ? [] : ['--var-file', resolve(currentDirectory, varFile)]),
    ...Object.entries(variables).flatMap(([name, value]) => ['--var', `${name}=${value}`]),
  ]
  return `#!/bin/sh\nexec ${words.map(singleQuoted).join(' ')} "$@"\n`
}
