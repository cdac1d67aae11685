import type { ResolvedSpec } from '../spec/resolved.ts'

/** Where the runs of a spec are; instances may have theirs in different folders. */
export const resultsFolders = (spec: ResolvedSpec): readonly string[] => [
  ...new Set(spec.instances.map(({ lifecycle }) => lifecycle.resultsFolder)),
]
