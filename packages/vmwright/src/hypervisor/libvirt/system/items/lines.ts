/** Output of a script as lines that begin with their kind. */
export interface Lines {
  /** What follows the kind, for each line of that kind, in order. */
  all(kind: string): readonly string[]
  /** The first of that kind; empty where there is none. */
  first(kind: string): string
}

export function readLines(output: string): Lines {
  const lines = new Map<string, string[]>()
  for (const line of output.split('\n')) {
    const [kind = ''] = line.split(' ', 1)
    const before = lines.get(kind)
    if (before === undefined) lines.set(kind, [line.slice(kind.length + 1)])
    else before.push(line.slice(kind.length + 1))
  }
  const all = (kind: string): readonly string[] => lines.get(kind) ?? []
  return { all, first: (kind) => all(kind)[0] ?? '' }
}
