import { open, readFile } from 'node:fs/promises'
import type { Progress } from '../../lib/progress.ts'
import type { PhaseStep } from '../../spec/resolved-lifecycle.ts'
import type { Phase } from '../phase.ts'
import { missingSource } from '../sources.ts'
import { listTree, type TreeEntry } from '../tree.ts'
import { renderTemplate } from './template.ts'

/** What steps need of this machine, found before the first of them runs. */
export interface Prepared {
  readonly texts: ReadonlyMap<PhaseStep, string>
  readonly trees: ReadonlyMap<PhaseStep, readonly TreeEntry[]>
  /** How scripts are started: the words before their file, by the first line of each. */
  readonly interpreters: ReadonlyMap<PhaseStep, readonly string[]>
}

/** Throws `phase.invalid` for sources that are not there, and names that templates use and nothing has. */
export async function prepareSteps(
  progress: Progress,
  phase: Extract<Phase, { kind: 'native' }>,
  variables: Readonly<Record<string, unknown>>,
): Promise<Prepared> {
  const texts = new Map<PhaseStep, string>()
  const trees = new Map<PhaseStep, readonly TreeEntry[]>()
  const interpreters = new Map<PhaseStep, readonly string[]>()
  for (const step of phase.steps) {
    if (step.kind === 'template')
      texts.set(
        step,
        renderTemplate(
          await readSource(step.from, step, phase, async () =>
            new TextDecoder('utf-8', { fatal: true }).decode(await readFile(step.from)),
          ),
          step.from,
          variables,
        ),
      )
    if (step.kind === 'copy')
      trees.set(step, await readSource(step.from, step, phase, () => listTree(progress, step.from)))
    if (step.kind === 'script')
      interpreters.set(step, await readSource(step.path, step, phase, () => interpreterOf(step.path)))
  }
  return { texts, trees, interpreters }
}

const readSource = <T>(
  path: string,
  step: PhaseStep,
  phase: Extract<Phase, { kind: 'native' }>,
  read: () => Promise<T>,
): Promise<T> =>
  read().catch((error: unknown) => {
    throw missingSource(phase, step, path, error)
  })

/** As execve(2) reads it: the interpreter and at most one argument. Without such a line the shell runs it. */
async function interpreterOf(path: string): Promise<readonly string[]> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0)
  const start = buffer.subarray(0, bytesRead)
  if (start.subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'))) return []
  const [line = ''] = start.toString('utf8').split('\n')
  const [, interpreter, argument] = /^#!\s*(\S+)(?:\s+(.*\S))?\s*$/.exec(line) ?? []
  if (interpreter === undefined) return ['/bin/sh']
  return argument === undefined ? [interpreter] : [interpreter, argument]
}
