import { Secret, type SecretRef } from '../lib/secret.ts'
import type { Path } from './node.ts'
import { resolvePath } from './path.ts'
import type { Layers, Report } from './report.ts'

export type SecretDocument = string | { readonly env: string } | { readonly file: string }

/** Where a secret comes from that is written at a path in one of the layers. In clear, it is warned about. */
export function secretRef(
  document: SecretDocument,
  layers: Layers,
  path: Path,
  { report, homeDirectory }: { readonly report: Report; readonly homeDirectory: string },
): SecretRef {
  if (typeof document === 'string') {
    report.within(
      layers,
      path,
      'is a secret in clear',
      'Take it from outside: `{ env: NAME }` or `{ file: PATH }`.',
      'warning',
    )
    return { kind: 'literal', value: new Secret(document) }
  }
  if ('env' in document) return { kind: 'env', name: document.env }
  return {
    kind: 'file',
    path: localFile(document.file, layers, [...path, 'file'], { report, homeDirectory }),
  }
}

/** The absolute path of a local file: relative to the file in which it is written. */
export function localFile(
  path: string,
  layers: Layers,
  at: Path,
  { report, homeDirectory }: { readonly report: Report; readonly homeDirectory: string },
): string {
  const folder = report.placeOf(report.find(layers, at) ?? []).source.folder
  return resolvePath(folder, path, homeDirectory)
}
