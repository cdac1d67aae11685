import { hintForUnknown } from './nearest.ts'
import type { Member } from './groups.ts'
import type { Path } from './node.ts'
import type { Report } from './report.ts'

/** What instances may refer to, and the keys that exist, the faulty ones too. */
export interface Choice {
  readonly kind: 'host' | 'image' | 'network' | 'pool'
  readonly known: readonly string[]
  /** Keys that a reference may leave out because there is only one. */
  readonly only: string | undefined
}

export const choiceOf = (
  kind: Choice['kind'],
  known: readonly string[],
  faulty: readonly string[],
): Choice => ({
  kind,
  known: [...new Set([...known, ...faulty])],
  only: known.length === 1 ? known[0] : undefined,
})

/** The key that a member refers to. Tells what is unknown or not clear, and then gives any name. */
export function choose(
  choice: Choice,
  written: string | undefined,
  member: Member,
  path: Path,
  report: Report,
): string {
  const { kind, known, only } = choice
  if (written === undefined) {
    if (only !== undefined) return only
    if (known.length > 0 && !report.isWrittenWithin(member.layers, path)) {
      report.atKey(
        member.home,
        `needs a \`${kind}\`, because there is more than one`,
        `Add \`${kind}:\` here or in \`defaults\`. There are: ${known.join(', ')}.`,
      )
    }
    return ''
  }
  if (!known.includes(written)) {
    report.within(member.layers, path, `there is no ${kind} of this name`, hintForUnknown(written, known))
  }
  return written
}
