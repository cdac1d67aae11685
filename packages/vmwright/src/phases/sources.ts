import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { messageOf, ProvisionError } from '../lib/errors.ts'
import type { PhaseStep } from '../spec/resolved-lifecycle.ts'
import type { Phase } from './phase.ts'

type NativePhase = Extract<Phase, { kind: 'native' }>

/** The file or folder of this machine that a step needs, and how it uses it. */
export function sourceOf(step: PhaseStep): { readonly path: string; readonly how: string } | undefined {
  switch (step.kind) {
    case 'script':
      return { path: step.path, how: 'run' }
    case 'copy':
      return { path: step.from, how: 'copied' }
    case 'template':
      return { path: step.from, how: 'filled in' }
    default:
      return undefined
  }
}

/** Throws `phase.invalid` for the first source that is not there. */
export async function requireSources(phase: NativePhase): Promise<void> {
  for (const step of phase.steps) {
    const source = sourceOf(step)
    if (source === undefined) continue
    await stat(source.path).catch((error: unknown) => {
      throw missingSource(phase, step, source.path, error)
    })
  }
}

export const writerOf = (phase: NativePhase): string =>
  phase.origin.kind === 'spec' ? `the spec's ${phase.name}` : basename(phase.origin.path)

export const missingSource = (
  phase: NativePhase,
  step: PhaseStep,
  path: string,
  cause: unknown,
): ProvisionError =>
  new ProvisionError('phase.invalid', {
    message: `The step "${step.title}" of ${writerOf(phase)} needs ${path}, which cannot be read: ${messageOf(cause)}`,
    hint: 'Paths are relative to the file they stand in.',
    details: { phase: phase.name, step: step.title, file: path },
    cause,
  })
