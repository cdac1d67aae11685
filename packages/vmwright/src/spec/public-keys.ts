import type { Path } from './node.ts'
import type { Layers } from './report.ts'
import { fileText, type TextContext } from './texts.ts'

/** SSH public keys as written at a path in one of the layers: lines, or files that have them. */
export function readPublicKeys(
  keys: readonly (string | { readonly file: string })[],
  layers: Layers,
  at: Path,
  context: TextContext,
): readonly string[] {
  return keys.flatMap((key, index) => {
    const path = [...at, index]
    const text = typeof key === 'string' ? key : fileText(key.file, layers, [...path, 'file'], context)
    const lines = (text ?? '')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'))
    for (const line of lines) {
      if (/PRIVATE KEY/.test(line)) {
        context.report.within(
          layers,
          path,
          'is a private key',
          'Name the public one, which ends in `.pub`. Never put a private key into a spec.',
        )
        return []
      }
      if (!/^(ssh-|ecdsa-|sk-)\S+ AAAA[A-Za-z0-9+/]+={0,2}( |$)/.test(line)) {
        context.report.within(
          layers,
          path,
          'is not an SSH public key',
          'Write the line that `ssh-keygen -y` prints: `ssh-ed25519 AAAA… comment`.',
        )
      }
    }
    return lines
  })
}
