/** A local file that a text refers to: by a lookup, or by a statement of Jinja. */
export interface Mention {
  readonly kind: 'tasks' | 'vars' | 'role' | 'file' | 'template' | 'glob'
  readonly name: string
  readonly within: string
}

export interface Mentions {
  readonly mentions: readonly Mention[]
  readonly foreign: readonly string[]
}

/** Stands for a name that is only known at run time. */
export const anyName = '{{ any }}'

const inFiles = new Set(['file', 'unvault', 'ini', 'csvfile'])
/** They calculate with what they are given. */
const calculating = new Set(
  [
    'config dict flattened indexed_items inventory_hostnames items list nested random_choice sequence subelements',
    'together varnames vars',
  ].flatMap((names) => names.split(' ')),
)

/** All mentions in the texts of any data. Pure. */
export function mentionsIn(data: unknown): Mentions {
  const mentions: Mention[] = []
  const foreign: string[] = []
  const walk = (value: unknown): void => {
    if (typeof value === 'string') {
      for (const found of [lookupsIn(value), statementsIn(value)]) {
        mentions.push(...found.mentions)
        foreign.push(...found.foreign)
      }
    } else if (Array.isArray(value)) value.forEach(walk)
    else if (value !== null && typeof value === 'object') Object.values(value).forEach(walk)
  }
  walk(data)
  return { mentions, foreign }
}

/** What a lookup is given, also by `with_<lookup>`. */
export function termsOf(lookup: string, terms: unknown): Mentions {
  const name = lookup.split('.').at(-1) ?? lookup
  const texts = textsIn(terms)
  const all = (kind: Mention['kind'], within: string, names = texts): Mentions => ({
    mentions: names.map((one) => ({ kind, within, name: one })),
    foreign: [],
  })
  if (name === 'ini' || name === 'csvfile') {
    const files = texts.flatMap((text) => /\bfile=["']?([^"'\s,)]+)/.exec(text)?.[1] ?? [])
    return all('file', 'files', files.length > 0 ? files : [anyName])
  }
  if (inFiles.has(name)) return all('file', 'files')
  if (name === 'template') return all('template', 'templates')
  if (name === 'fileglob') return all('glob', 'files')
  if (name === 'first_found') {
    const places = ['files', 'templates', 'vars', 'tasks'] as const
    const names = [...texts, ...joined(terms)]
    return {
      mentions: places.flatMap((within) =>
        names.map((one) => ({
          kind: within === 'templates' ? ('template' as const) : ('file' as const),
          within,
          name: one,
        })),
      ),
      foreign: [],
    }
  }
  return { mentions: [], foreign: calculating.has(name) ? [] : [name] }
}

/** `first_found` takes `files` and `paths`, and tries each file in each path. */
function joined(terms: unknown): readonly string[] {
  const records = (Array.isArray(terms) ? (terms as unknown[]) : [terms]).filter(
    (term): term is Readonly<Record<string, unknown>> => term !== null && typeof term === 'object',
  )
  return records.flatMap(({ files, paths }) =>
    textsIn(paths).flatMap((path) => textsIn(files).map((file) => `${path.replace(/\/$/, '')}/${file}`)),
  )
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return value === '' ? [] : [value]
  if (value === null || typeof value !== 'object') return []
  return Object.values(value).flatMap(textsIn)
}

/** `lookup('file', 'motd')`, `query(…)`, `q(…)`. */
function lookupsIn(text: string): Mentions {
  const found = [...text.matchAll(/\b(?:lookup|query|q)\s*\(/g)].map((call) =>
    lookupOf(argumentsFrom(text, call.index + call[0].length)),
  )
  return { mentions: found.flatMap((one) => one.mentions), foreign: found.flatMap((one) => one.foreign) }
}

function lookupOf(args: readonly string[]): Mentions {
  const [plugin = '', ...rest] = args
  const name = literal(plugin)
  // Which lookup it is, is known at run time: any file may be meant.
  if (name === undefined) return termsOf('file', anyName)
  const terms = rest.filter((term) => !/^\w+\s*=(?!=)/.test(term))
  const options = rest.filter((term) => /^file\s*=/.test(term))
  const given = terms.map((term) => literal(term) ?? anyName)
  return termsOf(name, options.length > 0 ? options.map((option) => option.replaceAll(/\s/g, '')) : given)
}

const literal = (text: string): string | undefined => /^(['"])([^'"]*)\1$/.exec(text.trim())?.[2]

/** The arguments of a call, as they are written, up to its closing parenthesis. */
function argumentsFrom(text: string, start: number): readonly string[] {
  const args: string[] = []
  let depth = 0
  let quote = ''
  let from = start
  for (let at = start; at < text.length; at++) {
    const sign = text[at] ?? ''
    if (quote !== '') {
      if (sign === quote) quote = ''
    } else if (sign === '"' || sign === "'") quote = sign
    else if ('([{'.includes(sign)) depth++
    else if (depth > 0 && ')]}'.includes(sign)) depth--
    else if (depth === 0 && (sign === ',' || sign === ')')) {
      args.push(text.slice(from, at).trim())
      from = at + 1
      if (sign === ')') break
    }
  }
  return args
}

/** `{% include 'part.j2' %}`, `import`, `from` and `extends`. */
function statementsIn(text: string): Mentions {
  const names = [...text.matchAll(/\{%[-+]?\s*(?:include|import|extends|from)\s+([\s\S]*?)%\}/g)].flatMap(
    ([, written = '']) => {
      const one = /^(['"])([^'"]*)\1(?!\s*[~+|])/.exec(written)?.[2]
      return one === undefined ? [anyName] : [one]
    },
  )
  // Another mark for statements: what they are is not seen.
  if (/^#jinja2:.*\bblock_start_string/.test(text)) names.push(anyName)
  return {
    mentions: names.map((name) => ({ kind: 'template', within: 'templates', name })),
    foreign: [],
  }
}
