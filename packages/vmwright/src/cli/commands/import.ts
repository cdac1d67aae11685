import { open, readdir, readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { composeServices } from '../../compose.ts'
import { preview } from '../../engine/operations.ts'
import { importFiles, type Imported } from '../../importers/import.ts'
import { type NoteKind, noteText } from '../../importers/notes.ts'
import type { ImportReader } from '../../importers/read-files.ts'
import { ProvisionError, systemCode } from '../../lib/errors.ts'
import { plainRequest } from '../../plan/plain-request.ts'
import { type LoadedSpec, loadSpec } from '../../spec/load.ts'
import { formatProblem } from '../../spec/problem.ts'
import { maxFileBytes } from '../../spec/yaml.ts'
import { attempt, show, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { renderPlan } from '../output/plan-text.ts'

export interface ImportOptions {
  readonly from?: string
  readonly project?: string
  readonly output?: string
  readonly force: boolean
  readonly check: boolean
  readonly detailedExitcode: boolean
  readonly json: boolean
}

/**
 * X5: turns files of a replaced system into a spec. The spec goes to stdout or a new file, what is to be said of it to
 * stderr; `--check` shows what `apply` of it would do, as `plan` does.
 */
export async function importCommand(
  context: CliContext,
  paths: readonly string[],
  options: ImportOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const imported = await importFiles(readerIn(context.currentDirectory), paths, {
      ...(options.from === undefined ? {} : { from: options.from }),
      ...(options.project === undefined ? {} : { project: options.project }),
    })
    if (options.output !== undefined) await writeNew(context, options.output, imported.text, options.force)
    const loaded = await loadText(context, options.output ?? 'imported.yaml', imported.text)
    if (!options.json) tell(context, imported, loaded, options)
    if (options.check) return check(context, imported, loaded, options)
    const { text, ...rest } = imported
    if (options.json) show(context, true, { ...rest, spec: text, problems: loaded.problems }, () => '')
    else if (options.output === undefined) context.stdout.write(text)
    return loaded.spec === undefined ? exitCode.specInvalid : exitCode.done
  })
}

/** Paths as they were named, seen from a folder. */
const readerIn = (folder: string): ImportReader => ({
  async kindOf(path) {
    try {
      const found = await stat(resolve(folder, path))
      return found.isDirectory() ? 'folder' : found.isFile() ? 'file' : undefined
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')) return undefined
      throw unreadable(path, error)
    }
  },
  async list(path) {
    return readdir(resolve(folder, path)).catch((error: unknown) => {
      throw unreadable(path, error)
    })
  },
  async read(path) {
    const absolute = resolve(folder, path)
    try {
      // One byte more than is accepted is enough to refuse it.
      if ((await stat(absolute)).size > maxFileBytes) return new Uint8Array(maxFileBytes + 1)
      return await readFile(absolute)
    } catch (error) {
      throw unreadable(path, error)
    }
  },
})

const unreadable = (path: string, cause: unknown): ProvisionError =>
  new ProvisionError('import.invalid', {
    message: `${path} cannot be read (${systemCode(cause) ?? 'unknown'}).`,
    hint: 'Make it readable for you.',
    cause,
  })

async function writeNew(context: CliContext, path: string, text: string, force: boolean): Promise<void> {
  const absolute = resolve(context.currentDirectory, path)
  try {
    await using file = await open(absolute, force ? 'w' : 'wx')
    await file.writeFile(text)
  } catch (error) {
    if (systemCode(error) === 'EEXIST') {
      throw new ProvisionError('usage.invalid', {
        message: `${path} exists.`,
        hint: 'Give another name with -o, or replace it with --force.',
        cause: error,
      })
    }
    throw error
  }
}

/** The spec as if it stood in that file. */
async function loadText(context: CliContext, file: string, text: string): Promise<LoadedSpec> {
  const path = resolve(context.currentDirectory, file)
  const reader = {
    async readText(wanted: string) {
      if (wanted === path) return new TextEncoder().encode(text)
      return readFile(wanted).catch(() => undefined)
    },
  }
  return loadSpec(reader, path, {
    variables: {},
    homeDirectory: context.homeDirectory,
    currentDirectory: context.currentDirectory,
  })
}

const shown: readonly (readonly [NoteKind, string])[] = [
  ['question', 'question'],
  ['warning', 'warning'],
  ['decided', 'decided'],
  ['no-equal', 'no equal'],
]

function tell(
  { stderr }: CliContext,
  { system, notes, files }: Imported,
  { problems }: LoadedSpec,
  { output }: ImportOptions,
): void {
  const count = (kind: NoteKind): number => notes.filter((note) => note.kind === kind).length
  stderr.write(
    `${system.title}: ${files.length} ${files.length === 1 ? 'file' : 'files'}, ${count('taken')} settings taken, ${count('question')} questions, ${count('warning')} warnings, ${count('decided')} decided, ${count('no-equal')} without an equal.\n`,
  )
  if (output !== undefined)
    stderr.write(
      `Wrote ${output}. Read its comments, then see what it would do: vmwright plan -f ${output}\n`,
    )
  // A file that was written has the rest in its header.
  const kinds = output === undefined ? shown : shown.slice(0, 2)
  for (const [kind, word] of kinds)
    for (const note of notes) if (note.kind === kind) stderr.write(`${word}: ${noteText(note)}\n`)
  for (const problem of problems) stderr.write(`${formatProblem(problem)}\n`)
}

async function check(
  context: CliContext,
  imported: Imported,
  { spec, problems }: LoadedSpec,
  options: ImportOptions,
): Promise<number> {
  if (spec === undefined) {
    if (options.json) show(context, true, { notes: imported.notes, problems }, () => '')
    return exitCode.specInvalid
  }
  const services = composeServices(spec, context)
  const plan = await withView(context, {}, (progress) =>
    preview(progress, { spec, instances: spec.instances, services }, plainRequest),
  )
  show(context, options.json, { notes: imported.notes, plan }, () => renderPlan(plan, 'changes'))
  if (plan.findings.some((finding) => finding.severity === 'error')) return exitCode.blocked
  const pending = plan.steps.length > 0 || plan.changes.some((change) => change.fields.length > 0)
  return options.detailedExitcode && pending ? exitCode.changes : exitCode.done
}
