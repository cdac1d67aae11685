import { lstat, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { messageOf, ProvisionError, systemCode } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { nearest } from '../spec/nearest.ts'
import { type LifecycleSpec, type PhaseName, phaseNames } from '../spec/resolved-lifecycle.ts'
import { refuseLoops } from './ansible/loops.ts'
import { collectInputs } from './inputs.ts'
import type { Phase, Phases } from './phase.ts'
import { readPhaseFile } from './read-file.ts'
import { requireSources } from './sources.ts'

export interface PhaseSearch {
  /** Absolute; `undefined`: only what stands in the spec. */
  readonly folder: string | undefined
  readonly platform: string | undefined
  readonly target: string | undefined
  /** Steps of the spec; they win over files. */
  readonly inline: LifecycleSpec['phases']
}

const extensions = ['.yaml', '.yml'] as const

/**
 * G3. The phases of one guest, each by itself: from the spec, else the most specific file. A phase without a file is
 * absent. Throws `phase.invalid` for a file that cannot be used, a folder that is not there, and a file whose name
 * is nearly that of a phase that has none.
 */
export async function findPhases(progress: Progress, search: PhaseSearch): Promise<Phases> {
  const places = placesOf(search)
  const phases: Partial<Record<PhaseName, Phase>> = {}
  for (const name of phaseNames) {
    const steps = search.inline[name]
    const phase: Phase | undefined =
      steps === undefined
        ? await findFile(progress, name, places)
        : { name, kind: 'native', steps, origin: { kind: 'spec' } }
    if (phase === undefined || (phase.kind === 'native' && phase.steps.length === 0)) continue
    if (phase.kind === 'native') await requireSources(phase)
    phases[name] = phase
  }
  await refuseMisspelt(progress, places, phases, search)
  return phases
}

/** Folders, the most specific first. */
function placesOf({ folder, platform, target }: PhaseSearch): readonly string[] {
  if (folder === undefined) return []
  const below =
    platform === undefined
      ? []
      : [...(target === undefined ? [] : [join(folder, platform, target)]), join(folder, platform)]
  return [...below, folder]
}

/** The folder in which phases are looked up, of a phase that comes from a file. */
export const phaseFolderOf = (phase: Phase): string | undefined => {
  if (phase.origin.kind === 'spec') return undefined
  return dirname(phase.origin.searched.at(-1) ?? phase.origin.path)
}

/** All files that a phase may be, the most specific first. */
export const searchedFor = (name: PhaseName, search: PhaseSearch): readonly string[] =>
  filesIn(placesOf(search), name)

const filesIn = (places: readonly string[], name: PhaseName): readonly string[] =>
  places.flatMap((place) => extensions.map((extension) => join(place, `${name}${extension}`)))

async function findFile(
  progress: Progress,
  name: PhaseName,
  places: readonly string[],
): Promise<Phase | undefined> {
  const searched = filesIn(places, name)
  for (const path of searched) {
    const file = await readPhaseFile(progress, path)
    const origin = { kind: 'file', path, searched } as const
    if (file === undefined) await refuseDangling(path)
    else if (file.kind === 'ansible') {
      await refuseLoops(path, places.at(-1))
      return { name, kind: 'ansible', path, origin }
    } else return { name, kind: 'native', steps: file.steps, variables: file.variables, origin }
  }
  return undefined
}

async function refuseDangling(path: string): Promise<void> {
  const link = await lstat(path).catch(() => undefined)
  if (link === undefined) return
  throw new ProvisionError('phase.invalid', {
    message: `The phase file ${path} is a link that leads nowhere.`,
    hint: 'Let it lead to a file, or remove it.',
    details: { file: path },
  })
}

/** A file `mian.yaml` is meant for `main`, unless there is a `main` already or another phase includes it. */
async function refuseMisspelt(
  progress: Progress,
  places: readonly string[],
  phases: Phases,
  { folder }: PhaseSearch,
): Promise<void> {
  const missing = phaseNames.filter((name) => phases[name] === undefined)
  for (const place of places) {
    for (const entry of await namesIn(place, place === folder)) {
      const [, stem = ''] = /^(.*)\.ya?ml$/i.exec(entry) ?? []
      const meant = stem === '' ? undefined : nearest(stem, phaseNames)
      if (meant === undefined || meant === stem || !missing.some((name) => name === meant)) continue
      const path = join(place, entry)
      if (await isUsed(progress, path, phases, folder)) continue
      throw new ProvisionError('phase.invalid', {
        message: `${path}:1:1: no phase is called \`${stem}\`.`,
        hint: `Did you mean \`${meant}\`? The phases are ${phaseNames.join(', ')}.`,
        details: { file: path, line: 1, meant },
      })
    }
  }
}

async function namesIn(place: string, isRoot: boolean): Promise<readonly string[]> {
  try {
    return (await readdir(place)).toSorted()
  } catch (error) {
    if (!isRoot && (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR')) return []
    throw new ProvisionError('phase.invalid', {
      message: `The folder of phases ${place} cannot be read: ${messageOf(error)}`,
      hint: 'Create it, or correct `lifecycle.phases`.',
      details: { file: place },
      cause: error,
    })
  }
}

async function isUsed(
  progress: Progress,
  path: string,
  phases: Phases,
  folder: string | undefined,
): Promise<boolean> {
  for (const phase of Object.values(phases)) {
    const { files } = await collectInputs(progress, phase, { folder })
    if (files.some((file) => join(folder ?? '/', file.path) === path || file.path === path)) return true
  }
  return false
}
