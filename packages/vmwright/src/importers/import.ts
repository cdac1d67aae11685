import { ProvisionError } from '../lib/errors.ts'
import { isProjectName } from './project-name.ts'
import type { Importer } from './importer.ts'
import { importers } from './importers.ts'
import { type Note, type NoteKind, Notes, noteText } from './notes.ts'
import { type ImportReader, readFiles } from './read-files.ts'
import type { Recognition } from './recognise.ts'
import type { SourceFiles } from '../spec/ansible/source.ts'

export interface ImportOptions {
  /** Id of an importer; absent: recognised. */
  readonly from?: string
  /** Name of the project of the new spec; absent: the id of the importer. */
  readonly project?: string
}

export interface Imported {
  readonly system: { readonly id: string; readonly title: string }
  /** Why the files are taken for that system. */
  readonly reasons: readonly string[]
  readonly files: readonly string[]
  readonly notes: readonly Note[]
  /** The spec. */
  readonly text: string
}

/**
 * Turns files of a replaced system into a spec with comments. Reads the files and nothing else; the same files give
 * the same text. Throws `import.unrecognised`, `import.invalid`.
 */
export async function importFiles(
  reader: ImportReader,
  paths: readonly string[],
  options: ImportOptions = {},
): Promise<Imported> {
  const { project } = options
  if (project !== undefined && !isProjectName(project)) {
    throw new ProvisionError('usage.invalid', {
      message: 'The name given with --project is not a project name.',
      hint: 'Use lower-case letters, digits and `-`, at most 63.',
    })
  }
  const notes = new Notes()
  const source = await readFiles(reader, paths, notes)
  const { importer, reasons } = choose(source, paths, options.from)
  const draft = importer.convert(source, notes)
  if (project !== undefined) draft.set(['project'], project, '--project')
  const files = source.files.map(({ name }) => name)
  return {
    system: { id: importer.id, title: importer.title },
    reasons,
    files,
    notes: notes.all(),
    text: draft.render(headerOf(importer, files, notes)),
  }
}

function choose(
  source: SourceFiles,
  paths: readonly string[],
  from: string | undefined,
): { readonly importer: Importer; readonly reasons: readonly string[] } {
  if (from !== undefined) {
    const importer = importers.find(({ id }) => id === from)
    if (importer === undefined) {
      throw new ProvisionError('import.unrecognised', {
        message: 'The system given with --from is not known.',
        hint: `Known are: ${importers.map(({ id }) => id).join(', ')}.`,
      })
    }
    return { importer, reasons: ['--from'] }
  }
  const fitting = importers.flatMap((importer) => {
    const recognition = importer.recognise(source)
    return recognition === undefined ? [] : [{ importer, recognition }]
  })
  const [only, ...others] = fitting
  if (only === undefined) {
    throw new ProvisionError('import.unrecognised', {
      message: `Nothing in ${paths.join(', ')} tells which system it belongs to.`,
      hint: `Name it with --from: ${importers.map(({ id }) => id).join(', ')}.`,
      details: { files: source.files.map(({ name }) => name) },
    })
  }
  if (others.length > 0) {
    throw new ProvisionError('import.unrecognised', {
      message: `The files fit more than one system:\n${fitting.map(reasonLine).join('\n')}`,
      hint: 'Import them one system at a time, or name the system with --from.',
      details: { fits: fitting.map(({ importer }) => importer.id) },
    })
  }
  return { importer: only.importer, reasons: only.recognition.reasons }
}

const reasonLine = (fit: { readonly importer: Importer; readonly recognition: Recognition }): string =>
  `  ${fit.importer.id}: ${fit.recognition.reasons.slice(0, 5).join(', ')}`

const sections: readonly (readonly [NoteKind, string])[] = [
  ['question', 'Questions: answer these, they are marked with QUESTION below where they have a place'],
  ['warning', 'Warnings'],
  ['decided', 'Decided'],
  ['no-equal', 'No equal'],
]

function headerOf(importer: Importer, files: readonly string[], notes: Notes): readonly string[] {
  return [
    `Made by \`vmwright import\` from files of: ${importer.title}.`,
    `Files: ${files.join(', ')}.`,
    `${notes.of('taken').length} settings were taken over; beside each stands where it came from.`,
    ...sections.flatMap(([kind, title]) => {
      const found = inFileOrder(notes.of(kind), files)
      return found.length === 0 ? [] : ['', `${title}:`, ...found.map((note) => `- ${noteText(note)}`)]
    }),
  ]
}

/** Those without a place last. */
function inFileOrder(notes: readonly Note[], files: readonly string[]): readonly Note[] {
  const rank = ({ place }: Note): number => (place === undefined ? files.length : files.indexOf(place.file))
  return notes.toSorted((a, b) => rank(a) - rank(b) || (a.place?.line ?? 0) - (b.place?.line ?? 0))
}
