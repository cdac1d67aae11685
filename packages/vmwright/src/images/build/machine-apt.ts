import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runProgram } from '../../lib/process.ts'
import type { AptSourcesFile } from './apt-sources.ts'

/** The build machine's lists of package sources; an empty list on a machine without APT. */
export async function aptSourcesOfMachine(folder = '/etc/apt'): Promise<readonly AptSourcesFile[]> {
  const parts = await readdir(join(folder, 'sources.list.d')).catch(() => [])
  const names = ['sources.list', ...parts.toSorted().map((name) => join('sources.list.d', name))]
  const files = await Promise.all(
    names
      .filter((name) => /\.(list|sources)$/.test(name))
      .map(async (name) => ({
        name,
        content: await readFile(join(folder, name), 'utf8').catch(() => ''),
      })),
  )
  return files.filter((file) => file.content !== '')
}

/** How the build machine reaches its package sources: a proxy, or a mirror of an old date. */
const wanted = /^Acquire::(?:(?:https?|ftp)::(?:.*::)?Proxy|Check-Valid-Until|Check-Date)\b/i

/** The settings of APT on the build machine that the build must share, one option of apt.conf each. */
export async function aptOptionsOfMachine(run = runProgram): Promise<readonly string[]> {
  const { stdout } = await run('apt-config', ['dump', 'Acquire'])
  return stdout.split('\n').filter((line) => wanted.test(line))
}
