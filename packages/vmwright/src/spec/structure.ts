import { type SpecDocument, specDocument } from '@vmwright/contract'
import type * as z from 'zod'
import { type Entry, entryAt, type Node, type Path, placeAround, problemAt, toValue } from './node.ts'
import { hintForUnknown, nearest } from './nearest.ts'
import type { Problem } from './problem.ts'
import { fieldsAt } from './schema-walk.ts'
import { prune } from './tree.ts'

type Issue = z.core.$ZodIssue

/** More than this many faults of structure are not worth telling one by one. */
const maxTold = 500

export interface Structure {
  /** What is left when all that is wrong is taken out, so that the rest can be checked too. */
  readonly document: SpecDocument
  /** The tree of that document. */
  readonly sound: Node
  readonly problems: readonly Problem[]
}

/** Checks a tree against the schema of the document. */
export function checkStructure(root: Node): Structure {
  const first = parse(root)
  if (first.success) return { document: first.data, sound: root, problems: [] }
  const issues = flatten(first.error.issues, root)
  return { ...withoutFaults(root, issues), problems: tellAll(root, issues, ofSpec) }
}

/** A form of a file: its schema, and what the file is called in messages. */
export interface Form<T> {
  readonly schema: z.ZodType<T>
  readonly name: string
}

const ofSpec: Form<SpecDocument> = { schema: specDocument, name: 'the spec' }

/** Checks a tree that is of no use with any fault in it. */
export function checkForm<T>(
  root: Node,
  form: Form<T>,
): { readonly document: T } | { readonly problems: readonly Problem[] } {
  const parsed = form.schema.safeParse(toValue(root), { error: defaultMessage })
  return parsed.success
    ? { document: parsed.data }
    : { problems: tellAll(root, flatten(parsed.error.issues, root), form) }
}

const parse = (root: Node) => specDocument.safeParse(toValue(root), { error: defaultMessage })

function tellAll(root: Node, issues: readonly Issue[], form: Form<unknown>): readonly Problem[] {
  const problems = issues.slice(0, maxTold).flatMap((issue) => tell(root, issue, form))
  if (issues.length > maxTold) {
    problems.push(
      problemAt(root.place, { message: `has ${issues.length - maxTold} more faults of this kind` }),
    )
  }
  return problems
}

/** Takes out what is wrong, then what lacks something for it, until the rest is a document. */
function withoutFaults(root: Node, issues: readonly Issue[]): Omit<Structure, 'problems'> {
  let at = root
  let wrong = issues
  for (let round = 0; round < 8; round++) {
    const tree = at
    at = prune(
      tree,
      wrong.flatMap((issue) => faultyPaths(tree, issue)),
    )
    const next = specDocument.safeParse({ version: 1, project: 'unknown', ...(toValue(at) as object) })
    if (next.success) return { document: next.data, sound: at }
    wrong = flatten(next.error.issues, at)
  }
  return { document: { version: 1, project: 'unknown' }, sound: prune(root, [[]]) }
}

function faultyPaths(root: Node, issue: Issue): readonly Path[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => [...issue.path, key])
  return [entryAt(root, issue.path) === undefined ? issue.path.slice(0, -1) : issue.path]
}

/** Replaces the fault of a union by those of the branch that was meant, where one can be told. */
function flatten(issues: readonly Issue[], root: Node): readonly Issue[] {
  return issues.flatMap((issue): readonly Issue[] => {
    if (issue.code !== 'invalid_union') return [issue]
    const meant = issue.errors.filter(
      (branch) => !branch.some((inner) => inner.path.length === 0 && isWrongType(inner)),
    )
    const node = entryAt(root, issue.path)?.node
    if (node === undefined || node.kind === 'scalar') return [issue]
    const [only, second] = closest(knowing(meant))
    if (only === undefined) return [issue]
    if (second !== undefined) return unknownToAll(issue, meant)
    return flatten(
      only.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })),
      root,
    )
  })
}

const isWrongType = (issue: Issue): boolean => issue.code === 'invalid_type' || issue.code === 'invalid_value'

/** The keys that no branch knows are what is wrong; without any, the union as a whole is. */
function unknownToAll(issue: Issue, branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const unknown = branches.map((branch) =>
    branch.flatMap((inner) =>
      inner.code === 'unrecognized_keys' && inner.path.length === 0 ? inner.keys : [],
    ),
  )
  const keys = unknown.reduce((common, more) => common.filter((key) => more.includes(key)))
  if (keys.length === 0) return [issue]
  return [{ code: 'unrecognized_keys', keys, path: issue.path, message: '', input: {} }]
}

/** Those that know all keys that are written, if there are such. */
function knowing(branches: readonly (readonly Issue[])[]): readonly (readonly Issue[])[] {
  const known = branches.filter(
    (branch) => !branch.some(({ code, path }) => code === 'unrecognized_keys' && path.length === 0),
  )
  return known.length > 0 ? known : branches
}

/** Those with the fewest faults. */
function closest(branches: readonly (readonly Issue[])[]): readonly (readonly Issue[])[] {
  const fewest = Math.min(...branches.map((branch) => branch.length))
  return branches.filter((branch) => branch.length === fewest)
}

function tell(root: Node, issue: Issue, form: Form<unknown>): readonly Problem[] {
  const { path } = issue
  if (issue.code === 'unrecognized_keys') {
    const fields = fieldsAt(form.schema, path)
    if (/password/i.test(String(path.at(-1)))) {
      // What stands where a secret belongs may be the secret, so it is not repeated.
      const place = placeAround(root, [...path, issue.keys[0] ?? ''])
      return [
        problemAt(place, {
          path,
          message: 'has a key that is not known',
          hint: 'Write `{ env: NAME }` or `{ file: PATH }`.',
        }),
      ]
    }
    return issue.keys.slice(0, maxTold).map((key) =>
      problemAt(placeAround(root, [...path, key]), {
        path: [...path, key],
        message: `is not a field of ${form.name}`,
        hint: hintForUnknown(key, fields),
      }),
    )
  }
  const entry = entryAt(root, path)
  if (entry === undefined)
    return [problemAt(placeAround(root, path), { path, message: 'is missing', hint: 'Add it.' })]
  if (isUnresolved(entry)) return []
  if (issue.code === 'invalid_key') {
    const [message, hint] = lines(issue.issues[0]?.message ?? '')
    return [problemAt(entry.key, { path, message, hint })]
  }
  if (entry.node.kind === 'scalar' && entry.node.value === null) {
    return [
      problemAt(entry.key, {
        path,
        message: 'is empty',
        hint: 'Give a value, `{}` or `[]`, or remove the key.',
      }),
    ]
  }
  const [message, hint] = lines(issue.message)
  return [problemAt(entry.node.place, { path, message, hint })]
}

const isUnresolved = ({ node }: Entry): boolean => node.kind === 'scalar' && node.unresolved === true

const lines = (text: string): readonly [string, string | undefined] => {
  const [message = '', hint] = text.split('\n', 2)
  return [message, hint]
}

/** For what the schema does not word itself. Never has the input in it, but for the nearest allowed word. */
function defaultMessage(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${typeNames[String(issue.expected)] ?? issue.expected}`
    case 'invalid_value': {
      const words = issue.values.map(String)
      const near = typeof issue.input === 'string' ? nearest(issue.input, words) : undefined
      const hint = near === undefined ? '' : `Did you mean \`${near}\`?`
      return `must be ${words.map((word) => `\`${word}\``).join(' or ')}\n${hint}`
    }
    case 'too_small':
      return `must have at least ${issue.minimum}`
    case 'too_big':
      return `must have at most ${issue.maximum}`
    default:
      return 'is not valid'
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: '`true` or `false`',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
}
