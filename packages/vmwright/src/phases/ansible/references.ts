import { type Mention, mentionsIn, termsOf } from './mentions.ts'

/** Something of this machine that a task may read, as it is named there. */
export interface Reference {
  readonly kind: 'tasks' | 'vars' | 'role' | 'file' | 'template' | 'glob'
  /** May have `{{ … }}` in it. */
  readonly name: string
  /** Folder of Ansible's in which the name is looked up first: `files`, `templates`, `vars`, `tasks`. */
  readonly within: string
  /** Whether it depends on something that is known at run time that the task runs at all. */
  readonly conditional: boolean
}

export interface References {
  readonly references: readonly Reference[]
  /** Lookups whose answers come from elsewhere. */
  readonly foreign: readonly string[]
}

/** All that tasks refer to, those in blocks too; `tasks` is what the YAML of a task file holds. Pure. */
export function referencesIn(tasks: unknown): References {
  const references: Reference[] = []
  const foreign = new Set<string>()
  const walk = (list: unknown, inCondition: boolean): void => {
    if (!Array.isArray(list)) return
    for (const task of list) {
      if (!isRecord(task)) continue
      const conditional = inCondition || isConditional(task)
      for (const part of blockParts) walk(task[part], conditional)
      const { mentions, foreign: others } = mentionsOf(task)
      for (const mention of [...mentions, ...argumentsOf(task)])
        for (const name of itemsIn(mention.name, task)) references.push({ ...mention, name, conditional })
      for (const name of others) foreign.add(name)
    }
  }
  walk(tasks, false)
  return { references, foreign: [...foreign] }
}

/** What any text or data refers to by lookups, such as files of variables and templates. Pure. */
export function referencesInData(data: unknown): References {
  const { mentions, foreign } = mentionsIn(data)
  return { references: mentions.map((mention) => ({ ...mention, conditional: true })), foreign }
}

const blockParts = ['block', 'rescue', 'always', 'tasks', 'pre_tasks', 'post_tasks', 'handlers'] as const

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

const isConditional = (task: Readonly<Record<string, unknown>>): boolean =>
  Object.keys(task).some(
    (key) => key === 'when' || key === 'loop' || key === 'tags' || key.startsWith('with_'),
  )

function mentionsOf(task: Readonly<Record<string, unknown>>): ReturnType<typeof mentionsIn> {
  const own = Object.fromEntries(
    Object.entries(task).filter(([key]) => !blockParts.some((part) => part === key)),
  )
  const inTexts = mentionsIn(own)
  const inLoops = Object.entries(own)
    .filter(([key]) => key.startsWith('with_'))
    .map(([key, value]) => termsOf(key.slice('with_'.length), value))
  return {
    mentions: [...inTexts.mentions, ...inLoops.flatMap((one) => one.mentions)],
    foreign: [...inTexts.foreign, ...inLoops.flatMap((one) => one.foreign)],
  }
}

/** Modules whose `src` is in the guest. */
const remoteSource = new Set(['file', 'mount', 'fetch', 'find', 'slurp', 'archive', 'iso_extract'])

/** What the arguments of the module name. */
function argumentsOf(task: Readonly<Record<string, unknown>>): readonly Mention[] {
  return Object.entries(task).flatMap(([key, value]): readonly Mention[] => {
    if (key === 'action' || key === 'local_action') return ofAction(value)
    const args = { ...argumentsIn(value), ...(isRecord(task['args']) ? task['args'] : {}) }
    return ofModule(key, args)
  })
}

function ofAction(value: unknown): readonly Mention[] {
  if (isRecord(value)) return ofModule(String(value['module'] ?? ''), value)
  const [name = '', ...rest] = String(value).trim().split(/\s+/)
  return ofModule(name, argumentsIn(rest.join(' ')))
}

function ofModule(key: string, args: Readonly<Record<string, unknown>>): readonly Mention[] {
  const name = key.split('.').at(-1) ?? key
  const text = (argument: string): readonly string[] => {
    const value = args[argument]
    return typeof value === 'string' && value !== '' ? [value] : []
  }
  const free = (argument: string): readonly string[] => [...text(argument), ...text(freeForm)].slice(0, 1)
  const all = (kind: Mention['kind'], within: string, names: readonly string[]): readonly Mention[] =>
    names.map((one) => ({ kind, within, name: one }))
  switch (name) {
    case 'include_tasks':
    case 'import_tasks':
    case 'include':
      return all('tasks', 'tasks', free('file'))
    case 'include_vars':
      return [...all('vars', 'vars', free('file')), ...all('vars', 'vars', text('dir'))]
    case 'include_role':
    case 'import_role':
      return all('role', 'roles', text('name'))
    case 'vars_files':
      return all(
        'vars',
        'vars',
        Array.isArray(args[items]) ? (args[items] as unknown[]).flat().map(String) : [],
      )
    case 'script':
      return all('file', 'files', free('cmd').map(firstWord))
    case 'template':
    case 'win_template':
      return all('template', 'templates', text('src'))
    case 'assemble':
      return isFalse(args['remote_src']) ? all('file', 'files', text('src')) : []
    default:
      return remoteSource.has(name) || isTrue(args['remote_src']) ? [] : all('file', 'files', text('src'))
  }
}

const freeForm = ' free'
const items = ' items'

/** Arguments as a mapping, also where they are written as `src=a dest=b` or as one word. */
function argumentsIn(value: unknown): Readonly<Record<string, unknown>> {
  if (isRecord(value)) return value
  if (Array.isArray(value)) return { [items]: value }
  if (typeof value !== 'string') return {}
  const args: Record<string, unknown> = {}
  const rest = value.replaceAll(
    /(?:^|\s)(\w+)=("[^"]*"|'[^']*'|(?:\{\{[\s\S]*?\}\}|\S)+)/g,
    (_all, key: string, text: string) => {
      args[key] = text.replace(/^(["'])([\s\S]*)\1$/, '$2')
      return ' '
    },
  )
  return { ...args, [freeForm]: rest.trim() }
}

/** Of a command line for `script`; a name made at run time may have spaces in its braces. */
const firstWord = (line: string): string =>
  /^(?:"([^"]*)"|'([^']*)'|((?:\{\{[\s\S]*?\}\}|\S)+))/
    .exec(line)
    ?.slice(1)
    .find((word) => word !== undefined) ?? line

const isTrue = (value: unknown): boolean => /^(true|yes|on|1|y|t)$/i.test(String(value))
const isFalse = (value: unknown): boolean => value !== undefined && !isTrue(value)

/** The names for each item of a list that stands in the task; the name itself where there is none. */
function itemsIn(name: string, task: Readonly<Record<string, unknown>>): readonly string[] {
  const list = task['loop'] ?? task['with_items'] ?? task['with_list']
  if (!/\{\{\s*item\b/.test(name) || !Array.isArray(list)) return [name]
  return (list.flat() as readonly unknown[]).map((item) =>
    name.replaceAll(/\{\{\s*item(?:\.(\w+)|\[['"](\w+)['"]\])?\s*\}\}/g, (all, dotted, quoted) => {
      const member = (dotted ?? quoted) as string | undefined
      const value = member === undefined ? item : isRecord(item) ? item[member] : undefined
      return typeof value === 'string' || typeof value === 'number' ? String(value) : String(all)
    }),
  )
}
