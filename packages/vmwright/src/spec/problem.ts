/** Something wrong with a spec, at a place a reader can go to. Never has the value of a secret in it. */
export interface Problem {
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 code units. */
  readonly column: number
  /** `instances.web.memory`, `extraDisks[1].size`; empty for the whole file. */
  readonly path: string
  readonly message: string
  readonly hint?: string
  readonly severity: 'error' | 'warning'
}

/** `vmwright.yaml:12:13: instances.web.memory: must be a size with a unit (Write `2GiB`.)` */
export function formatProblem(problem: Problem): string {
  const { file, line, column, path, message, hint, severity } = problem
  return [
    `${file}:${line}:${column}: `,
    severity === 'warning' ? 'warning: ' : '',
    path === '' ? '' : `${path}: `,
    message,
    hint === undefined ? '' : ` (${hint})`,
  ].join('')
}

export const hasErrors = (problems: readonly Problem[]): boolean =>
  problems.some((problem) => problem.severity === 'error')

/** In the order of the text, each once. The file named first is that in which the first problem was found. */
export function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = [...new Set(problems.map((problem) => problem.file))]
  const seen = new Map(problems.map((problem) => [formatProblem(problem), problem]))
  return [...seen.values()].toSorted(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  )
}

/** A path of keys and positions as text. */
export const pathText = (path: readonly PropertyKey[]): string =>
  path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`
      const name = String(part)
      const shown = /^[\w-]{1,63}$/.test(name) ? name : JSON.stringify(name.slice(0, 63))
      return index === 0 ? shown : `.${shown}`
    })
    .join('')
