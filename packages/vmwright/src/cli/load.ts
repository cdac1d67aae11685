import { readdir, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ProvisionError, systemCode } from '../lib/errors.ts'
import { loadSpec } from '../spec/load.ts'
import { narrow } from '../spec/narrow.ts'
import { formatProblem, type Problem } from '../spec/problem.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { CliContext } from './context.ts'
import type { SpecOptions } from './options.ts'

export interface Loaded {
  readonly spec: ResolvedSpec
  /** All instances, or those named on the command line. */
  readonly instances: readonly InstanceSpec[]
  readonly warnings: readonly Problem[]
}

/** Reads the spec. Throws `spec.invalid` with all problems as text, `spec.not-found`, `spec.unknown-name`. */
export async function load(
  context: CliContext,
  options: SpecOptions,
  names: readonly string[] = [],
): Promise<Loaded> {
  const { spec, problems } = await loadProblems(context, options)
  const errors = problems.filter((problem) => problem.severity === 'error')
  if (spec === undefined || errors.length > 0) throw specInvalid(options.file, errors)
  const warnings = problems.filter((problem) => problem.severity === 'warning')
  if (!options.json) for (const problem of warnings) context.stderr.write(`${formatProblem(problem)}\n`)
  return { spec, instances: narrow(spec, names).instances, warnings }
}

export async function loadProblems(context: CliContext, options: SpecOptions) {
  const path = resolve(context.currentDirectory, options.file)
  const texts = new Map<string, Promise<Uint8Array | undefined>>()
  // Once a file: a pipe (`-f /dev/stdin`) can be read only once.
  const reader = {
    readText(file: string) {
      const text = texts.get(file) ?? readIfThere(file)
      texts.set(file, text)
      return text
    },
    list: namesIn,
  }
  if ((await reader.readText(path)) === undefined) {
    throw new ProvisionError('spec.not-found', {
      message: `There is no spec at ${options.file}.`,
      hint: 'Name it with -f, or start from one: vmwright schema --example > vmwright.yaml',
    })
  }
  return loadSpec(reader, path, {
    variables: options.var,
    ...(options.varFile === undefined ? {} : { variableFiles: [options.varFile] }),
    homeDirectory: context.homeDirectory,
    currentDirectory: context.currentDirectory,
  })
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw new ProvisionError('spec.not-found', {
      message: `The file ${path} cannot be read (${systemCode(error)}).`,
      cause: error,
    })
  }
}

async function namesIn(folder: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw new ProvisionError('spec.not-found', {
      message: `The folder ${folder} cannot be read (${systemCode(error)}).`,
      cause: error,
    })
  }
}

const specInvalid = (file: string, errors: readonly Problem[]): ProvisionError =>
  new ProvisionError('spec.invalid', {
    message: `The spec ${file} has ${errors.length} ${errors.length === 1 ? 'problem' : 'problems'}:\n${errors.map((problem) => `  ${formatProblem(problem)}`).join('\n')}`,
    details: { problems: errors },
  })

/** The one instance of that name, or the only one of that group. Throws `spec.unknown-name`, `usage.invalid`. */
export function requireInstance(spec: ResolvedSpec, name: string): InstanceSpec {
  const { instances } = narrow(spec, [name])
  const exact = instances.find((instance) => instance.name === name)
  const [only, ...others] = instances
  if (exact !== undefined) return exact
  if (only !== undefined && others.length === 0) return only
  throw new ProvisionError('usage.invalid', {
    message: `${name} is a group of ${instances.length} instances.`,
    hint: `Name one of them: ${instances.map((instance) => instance.name).join(', ')}.`,
  })
}
