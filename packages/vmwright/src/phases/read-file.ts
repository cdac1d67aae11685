import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname } from 'node:path'
import { type PhaseFileDocument, phaseFileDocument } from '@vmwright/contract'
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import { messageOf, ProvisionError, systemCode } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { entryAt, type Node, placeAround, problemAt } from '../spec/node.ts'
import { resolvePath } from '../spec/path.ts'
import { formatProblem, type Problem } from '../spec/problem.ts'
import type { PhaseStep } from '../spec/resolved-lifecycle.ts'
import { resolveSteps } from '../spec/steps.ts'
import { checkForm } from '../spec/structure.ts'
import { yamlFault } from '../spec/yaml-faults.ts'
import { parseYaml } from '../spec/yaml.ts'

export type PhaseFile =
  | {
      readonly kind: 'native'
      readonly steps: readonly PhaseStep[]
      readonly variables: Readonly<Record<string, unknown>>
      /** Those of includes, absolute, in the order of their steps. */
      readonly includes: readonly string[]
    }
  | { readonly kind: 'ansible' }

/**
 * Reads a phase file and tells which form it has: a mapping with `steps` is native, a list is for Ansible. Throws
 * `phase.invalid` with the file, the line and all that is wrong; `undefined` when there is no such file.
 */
export async function readPhaseFile(progress: Progress, path: string): Promise<PhaseFile | undefined> {
  const bytes = await readBytes(progress, path)
  if (bytes === undefined) return undefined
  const strict = parseYaml({ file: path, folder: dirname(path), bytes })
  const form = formOf(path, bytes, strict.problems)
  if (form === 'ansible') return { kind: 'ansible' }
  if (strict.root === undefined || strict.problems.length > 0) throw invalid(strict.problems)
  return await readNative(progress, path, strict.root, [])
}

/** Ansible reads YAML 1.1 with tags and merge keys; whether a file is for Ansible is asked with the same tolerance. */
function formOf(path: string, bytes: Uint8Array, faults: readonly Problem[]): 'native' | 'ansible' {
  const counter = new LineCounter()
  const at = (offset: number) => ({
    source: { file: path, folder: dirname(path), lineStarts: counter.lineStarts },
    offset,
  })
  const refuse = (offset: number, message: string, hint: string): ProvisionError =>
    invalid([problemAt(at(offset), { message, hint })])
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid(faults)
  }
  if (faults.some(({ message }) => message.includes('UTF-16') || message.includes('NUL')))
    throw invalid(faults)
  const document = parseDocument(text, {
    version: '1.1',
    merge: true,
    uniqueKeys: false,
    logLevel: 'silent',
    prettyErrors: false,
    lineCounter: counter,
  })
  const [error] = document.errors
  if (error !== undefined) {
    const { message, hint } = yamlFault(error.code)
    throw refuse(error.pos[0], message, hint)
  }
  const top = document.contents
  if (top === null) throw refuse(0, 'is empty', `${forms} Remove the file to have no such phase.`)
  if (isMap(top) && (top.has('steps') || top.has('include'))) return 'native'
  if (!isSeq(top))
    throw refuse(top.range?.[0] ?? 0, 'is neither a list of Ansible tasks nor a mapping with `steps`', forms)
  if (top.items.length === 0) throw refuse(top.range?.[0] ?? 0, 'has no tasks', forms)
  for (const item of top.items) {
    const offset = (isMap(item) || isScalar(item) || isSeq(item) ? item.range?.[0] : undefined) ?? 0
    if (!isMap(item)) throw refuse(offset, 'is not a task of Ansible', forms)
    if (item.has('hosts') || item.has('import_playbook'))
      throw refuse(
        offset,
        'is a play, and a phase is a file of tasks',
        'Leave what stands under `tasks:`; the guest and its connection are given.',
      )
  }
  return 'ansible'
}

const forms =
  'Native steps stand in a list under `steps:`; a file for Ansible is a list of tasks, each beginning with `- `.'

async function readNative(
  progress: Progress,
  path: string,
  root: Node,
  chain: readonly string[],
): Promise<Extract<PhaseFile, { kind: 'native' }>> {
  const folder = dirname(path)
  const localFile = (file: string): string => resolvePath(folder, file, homedir())
  const checked = checkForm<PhaseFileDocument>(root, { schema: phaseFileDocument, name: 'a phase file' })
  if ('problems' in checked) throw invalid(checked.problems)
  const { document } = checked
  const written = document.include ?? []
  const names = typeof written === 'string' ? [written] : written
  const included: Extract<PhaseFile, { kind: 'native' }>[] = []
  const includes: string[] = []
  for (const [index, name] of names.entries()) {
    const below = localFile(name)
    const at = typeof written === 'string' ? ['include'] : ['include', index]
    const refuse = (message: string, hint: string): ProvisionError =>
      invalid([
        problemAt(entryAt(root, at)?.node.place ?? placeAround(root, at), { path: at, message, hint }),
      ])
    if ([...chain, path].includes(below)) {
      const way = [...chain, path, below].map((file) => file.split('/').at(-1)).join(' → ')
      throw refuse('leads back to a file that includes this one', `The way is ${way}.`)
    }
    const bytes = await readBytes(progress, below)
    if (bytes === undefined)
      throw refuse(`the file ${below} is not there`, 'Paths are relative to the file they stand in.')
    const parsed = parseYaml({ file: below, folder: dirname(below), bytes })
    if (formOf(below, bytes, parsed.problems) === 'ansible')
      throw refuse(`${below} is a list of Ansible tasks`, 'Only files with `steps:` can be included here.')
    if (parsed.root === undefined || parsed.problems.length > 0) throw invalid(parsed.problems)
    const file = await readNative(progress, below, parsed.root, [...chain, path])
    included.push(file)
    includes.push(...file.includes, below)
  }
  const own = resolveSteps(document.steps ?? [], { localFile })
  const steps = [...included.flatMap((file) => file.steps), ...own].map((step) => ({
    ...step,
    environment: { ...document.environment, ...step.environment },
  }))
  if (steps.length === 0)
    throw invalid([
      problemAt(root.place, { message: 'has no steps', hint: 'Remove the file, or add steps.' }),
    ])
  const variables = Object.assign({}, ...included.map((file) => file.variables), document.variables) as object
  return { kind: 'native', steps, variables: { ...variables }, includes: [...new Set(includes)] }
}

/** The one error for all that is wrong with phase files. */
export function invalid(problems: readonly Problem[]): ProvisionError {
  const [first] = problems
  if (first === undefined) throw new TypeError('no problems')
  const { hint, ...shown } = first
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  return new ProvisionError('phase.invalid', {
    message: `${formatProblem(shown)}${more}`,
    ...(hint !== undefined && { hint }),
    details: { file: first.file, line: first.line, problems: problems.map(formatProblem) },
  })
}

/** Throws `phase.invalid` when the file is there and cannot be read. */
async function readBytes(progress: Progress, path: string): Promise<Uint8Array | undefined> {
  try {
    return await progress.seam.effect({ kind: 'file.read', object: path, mutates: false }, () =>
      readFile(path),
    )
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    throw new ProvisionError('phase.invalid', {
      message: `The phase file ${path} cannot be read: ${messageOf(error)}`,
      hint: 'It must be a file that you may read.',
      details: { file: path },
      cause: error,
    })
  }
}
