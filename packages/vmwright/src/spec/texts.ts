import type { Path } from './node.ts'
import type { Layers, Report } from './report.ts'
import { localFile } from './secret-ref.ts'

export interface TextContext {
  readonly report: Report
  readonly homeDirectory: string
  /** Texts of the files that the spec names, by absolute path. */
  readonly files: ReadonlyMap<string, string>
}

/** The text of a local file that is named at a path in one of the layers. Tells when it cannot be read. */
export function fileText(path: string, layers: Layers, at: Path, context: TextContext): string | undefined {
  const full = localFile(path, layers, at, context)
  const text = context.files.get(full)
  if (text === undefined)
    context.report.within(
      layers,
      at,
      `the file ${full} cannot be read as UTF-8 text`,
      'Create it, or correct the path.',
    )
  return text
}
