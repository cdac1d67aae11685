import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ProvisionError } from '../../lib/errors.ts'
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

/** Where set-up puts the package sources of a bundle made by `make deps-bundle`. */
const bundleSources = '/var/lib/vmwright/bundle/sources-copy.list'

/**
 * The sources to take packages from instead of those that the image is to have: the file that `VMWRIGHT_APT_SOURCES`
 * names, else those of a bundle; `undefined` when there are none. Throws `image.build-failed` when the file named
 * cannot be read.
 */
export async function aptSourcesOfBundle(
  named = process.env['VMWRIGHT_APT_SOURCES'],
  standard = bundleSources,
): Promise<AptSourcesFile | undefined> {
  if (named === '') return undefined
  const name = named ?? standard
  try {
    return { name, content: await readFile(name, 'utf8') }
  } catch (cause) {
    if (named === undefined) return undefined
    throw new ProvisionError('image.build-failed', {
      message: `The image could not be built: ${name}, which VMWRIGHT_APT_SOURCES names, cannot be read.`,
      hint: 'Name a file in the form of /etc/apt/sources.list, or unset VMWRIGHT_APT_SOURCES.',
      details: { path: name },
      cause,
    })
  }
}

/** How the build machine reaches its package sources: a proxy, or a mirror of an old date. */
const wanted = /^Acquire::(?:(?:https?|ftp)::(?:.*::)?Proxy|Check-Valid-Until|Check-Date)\b/i

/** The settings of APT on the build machine that the build must share, one option of apt.conf each. */
export async function aptOptionsOfMachine(run = runProgram): Promise<readonly string[]> {
  const { stdout } = await run('apt-config', ['dump', 'Acquire'])
  return stdout.split('\n').filter((line) => wanted.test(line))
}
