import type { ErrorCode, LifecycleRun } from '@vmwright/contract'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { messageOf, ProvisionError, systemCode } from '../lib/errors.ts'
import { resultsName } from './files.ts'
import { latestName, runsIn } from './run-folder.ts'

/** A run as it lies in a folder. */
export interface StoredRun {
  readonly id: string
  /** Absolute. */
  readonly folder: string
  readonly content:
    | { readonly kind: 'run'; readonly run: LifecycleRun }
    | { readonly kind: 'unreadable'; readonly because: string }
}

/** All runs in some folders of results, the newest first. A folder that is not there has none. */
export const listRuns = (folders: readonly string[]): readonly StoredRun[] =>
  placesOf(folders).map(({ id, folder }) => ({ id, folder, content: readRun(folder) }))

/** One run by its name, or by `latest`. Throws `results.not-found`, also for one that cannot be read. */
export function findRun(
  folders: readonly string[],
  name: string,
): { readonly folder: string; readonly run: LifecycleRun } {
  const found = placesOf(folders).find(({ id }) => name === latestName || id === name)
  const places = folders.join(', ')
  if (found === undefined)
    throw new ProvisionError('results.not-found', {
      message:
        name === latestName ? `There is no run in ${places}.` : `There is no run ${name} in ${places}.`,
      details: { run: name, folders },
    })
  const content = readRun(found.folder)
  if (content.kind === 'run') return { folder: found.folder, run: content.run }
  throw new ProvisionError('results.not-found', {
    message: `The run ${found.id} in ${places} cannot be read: ${content.because}`,
    details: { run: name, folder: found.folder },
  })
}

/** Newest first. */
const placesOf = (folders: readonly string[]): readonly { readonly id: string; readonly folder: string }[] =>
  [...new Set(folders)]
    .flatMap((folder) => runsIn(folder).map((id) => ({ id, folder: join(folder, id) })))
    .toSorted((a, b) => (a.id < b.id ? 1 : -1))

function readRun(folder: string): StoredRun['content'] {
  const path = join(folder, resultsName)
  try {
    return { kind: 'run', run: lifecycleRun.parse(JSON.parse(readFileSync(path, 'utf8'))) }
  } catch (error) {
    return {
      kind: 'unreadable',
      because:
        systemCode(error) === 'ENOENT'
          ? `it has no ${resultsName}`
          : error instanceof z.ZodError
            ? (error.issues[0]?.message ?? 'not a run')
            : messageOf(error),
    }
  }
}

const ms = z.number()
const text = z.string()

const errorReport = z.object({
  // One of another version's codes is as good to read.
  code: z.custom<ErrorCode>((value) => typeof value === 'string'),
  message: text,
  hint: text,
  details: z.record(text, z.unknown()),
  retryable: z.boolean(),
})

const stepRun = z
  .object({
    title: text,
    status: z.enum(['passed', 'failed', 'cancelled', 'skipped']),
    startedAtMs: ms,
    durationMs: ms,
    exitCode: z.number().optional(),
  })
  .transform((step) => ({ ...step, exitCode: step.exitCode }))

const actionRun = z
  .object({
    action: text,
    status: z.enum(['passed', 'failed', 'cancelled', 'skipped', 'cached', 'unfinished']),
    startedAtMs: ms,
    durationMs: ms,
    because: text.optional(),
    error: errorReport.optional(),
    log: text.optional(),
    steps: z.array(stepRun),
  })
  .transform((action) => ({ ...action, because: action.because, error: action.error, log: action.log }))

const guestRun = z
  .object({
    name: text,
    host: text,
    platform: text.optional(),
    target: text.optional(),
    outcome: z.enum(['passed', 'failed', 'cancelled', 'not-run', 'unfinished']),
    actions: z.array(actionRun),
    because: text.optional(),
    fetched: z.array(text),
  })
  .transform((guest) => ({
    ...guest,
    platform: guest.platform,
    target: guest.target,
    because: guest.because,
  }))

const lifecycleRun: z.ZodType<LifecycleRun> = z.object({
  version: z.literal(1),
  id: text,
  project: text,
  startedAtMs: ms,
  durationMs: ms,
  outcome: z.enum(['passed', 'failed', 'cancelled', 'unfinished']),
  guests: z.array(guestRun),
})
