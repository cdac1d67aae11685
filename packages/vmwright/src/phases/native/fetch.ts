import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { PhaseStep } from '../../spec/resolved-lifecycle.ts'
import { StepFailure } from '../step-runs.ts'
import type { StepContext } from './run-native.ts'
import { wordsFor } from './words.ts'

/** More names than this are no answer to a pattern. */
const maxListing = 16 * 1024 * 1024

/**
 * Brings files into the folder of results. A file keeps its name, and below a folder or a pattern its path from there;
 * where something of that name was fetched before, it is kept under its whole path in the guest.
 */
export async function fetchStep(
  progress: Progress,
  step: Extract<PhaseStep, { kind: 'fetch' }>,
  { channel: open, phase }: StepContext,
): Promise<undefined> {
  const channel = await open(progress)
  let listing = ''
  const { exitCode, stderr } = await channel.run(progress, {
    script: wordsFor(channel).list,
    args: [step.from],
    user: step.user,
    onOutput: (stream, text) => {
      if (stream === 'stdout' && listing.length < maxListing) listing += text
    },
  })
  const paths = [...new Set(listing.split('\0').filter((path) => path.trim() !== ''))].toSorted()
  if (listing.length >= maxListing || (exitCode !== 0 && paths.length === 0))
    throw new StepFailure(`what ${step.from} leads to cannot be listed: ${stderr.trim()}`, { exitCode })
  if (paths.length === 0 && !step.optional)
    throw new StepFailure(`there is nothing at ${step.from} in the guest`, {
      hint: 'Correct the path, or write `optional: true` to go on without it.',
    })
  for (const path of paths) {
    const short = join(phase.fetchFolder, ...safeParts(belowPattern(path, step.from)))
    const target = (await isThere(short)) ? join(phase.fetchFolder, ...safeParts(path)) : short
    try {
      const content = await channel.get(progress, path, step.user)
      await save(progress, target, content)
    } catch (error) {
      if (!(step.optional && isProvisionError(error, 'guest.file-missing'))) throw error
    }
  }
}

/** `/srv/build/*.deb` → `shop.deb`, `/var/log/nginx` → `nginx/access.log`; the path itself where it is elsewhere. */
function belowPattern(path: string, pattern: string): string {
  const sign = pattern.search(/[*?[]/)
  const fixed = sign === -1 ? pattern.replace(/[\\/]+$/, '') : pattern.slice(0, sign)
  const root = fixed.slice(0, Math.max(fixed.lastIndexOf('/'), fixed.lastIndexOf('\\')) + 1)
  return path.startsWith(root) ? path.slice(root.length) : path
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** The parts of a path that the guest gave; it must not lead out of the folder of results. */
export function safeParts(path: string): readonly string[] {
  const parts = path.split(/[\\/]+/).filter((part) => part !== '' && part !== '.')
  if (parts.length === 0 || parts.some((part) => part === '..' || part.includes('\0')))
    throw new StepFailure(`the guest gave a path that leads out of the results: ${JSON.stringify(path)}`)
  return parts.map((part) => part.replaceAll(':', ''))
}

async function save(progress: Progress, path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  await progress.seam.effect({ kind: 'file.write', object: path, mutates: true }, async () => {
    await mkdir(dirname(path), { recursive: true })
    const partial = `${path}.part`
    try {
      await pipeline(Readable.from(content), createWriteStream(partial), { signal: progress.signal })
      await rename(partial, path)
    } catch (error) {
      await rm(partial, { force: true })
      throw error
    }
  })
}
