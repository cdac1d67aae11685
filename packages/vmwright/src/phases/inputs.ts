import { basename } from 'node:path'
import { canonicalJson, sha256Hex } from '../lib/hash.ts'
import type { Progress } from '../lib/progress.ts'
import { readPhaseFile } from './read-file.ts'
import type { PhaseStep } from '../spec/resolved-lifecycle.ts'
import { collectAnsible } from './ansible/inputs.ts'
import { InputFiles } from './input-files.ts'
import type { Phase, PhaseInputs } from './phase.ts'
import { requireSources, sourceOf, writerOf } from './sources.ts'

/**
 * G8. All files that a phase depends on, with their digests, sorted by path: the same phase has the same inputs on each
 * machine. Reads much and changes nothing. Throws `phase.invalid` where a source of a step is not there.
 */
export async function collectInputs(
  progress: Progress,
  phase: Phase,
  { folder }: { readonly folder: string | undefined },
): Promise<PhaseInputs> {
  const files = new InputFiles(folder)
  if (phase.origin.kind === 'file') {
    const { path } = phase.origin
    await files.add(progress, path, 'phase file')
    const read = phase.kind === 'native' ? await readPhaseFile(progress, path) : undefined
    for (const included of read?.kind === 'native' ? read.includes : [])
      await files.add(progress, included, `included by ${basename(path)}`)
  }
  if (phase.kind === 'ansible') await collectAnsible(progress, phase.path, files, folder)
  else await collectSources(progress, phase, files)
  const steps =
    phase.kind === 'native' && phase.origin.kind === 'spec'
      ? sha256Hex(canonicalJson(phase.steps.map((step) => meaningOf(step, files))))
      : undefined
  return { files: await files.digest(progress), steps, notes: files.notes }
}

async function collectSources(
  progress: Progress,
  phase: Extract<Phase, { kind: 'native' }>,
  files: InputFiles,
): Promise<void> {
  await requireSources(phase)
  for (const step of phase.steps) {
    const source = sourceOf(step)
    if (source !== undefined) await files.add(progress, source.path, `${source.how} by ${writerOf(phase)}`)
  }
}

/** What a step does, without what it is called, how long it may take, and where this machine has its files. */
function meaningOf({ title: _title, timeoutMs: _limit, ...step }: PhaseStep, files: InputFiles): unknown {
  if (step.kind === 'script') return { ...step, path: files.shown(step.path) }
  if (step.kind === 'copy' || step.kind === 'template') return { ...step, from: files.shown(step.from) }
  return step
}
