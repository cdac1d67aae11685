import type * as z from 'zod'
import { specDocument } from './document.ts'

type Schema = z.core.$ZodType
type Shape = Readonly<Record<string, Schema>>

interface Section {
  readonly path: string
  /** The field that tells it from the other forms that the same place may have. */
  readonly form?: string | undefined
  readonly shape: Shape
  readonly what: string
}

/** The reference of the spec as Markdown, made from the texts in the schema. */
export function specReference(): string {
  const sections = collect({ path: '', shape: specDocument.shape, what: '' })
  return `${[introduction, ...sections.map(renderSection)].join('\n\n')}\n`
}

const introduction = `# Spec reference

<!-- Made by scripts/generate-docs.ts from the schema in packages/contract/src/spec. Do not edit. -->

A spec is a YAML 1.2 file, \`vmwright.yaml\` unless \`-f\` names another. \`vmwright validate\` checks it without touching
a host, and \`vmwright schema\` prints the JSON Schema for editors.

\`\`\`yaml
version: 1
project: demo
instances:
  web:
    image: debian-12
\`\`\`

- Sizes have a unit: \`512MiB\`, \`2GiB\`, \`1.5TiB\` (\`K\`, \`M\`, \`G\`, \`T\` are short for them; \`KB\`, \`MB\`, … are powers of 1000). Durations too: \`90s\`, \`10m\`, \`1h30m\`.
- Local paths are relative to the file they stand in; \`~/\` is the home directory.
- Secrets are \`{ env: NAME }\`, \`{ file: PATH }\` or, with a warning, a text. The first two are read when they are used.
- Limits: 1 MiB or 150,000 words and signs a file, 8 MiB with all includes, 50 levels, 100 aliases. Tags, merge keys and duplicate keys are refused.`

/** All mappings of the document, parents first, each set of fields once. */
function collect(section: Section): readonly Section[] {
  /** The section in which a field is told. */
  const told = new Map<Schema, Section>()
  const walk = (at: Section): readonly Section[] => {
    const fields = Object.entries(at.shape)
    const own = Object.fromEntries(fields.filter(([, schema]) => !told.has(schema)))
    const shared = Map.groupBy(
      fields.flatMap(([name, schema]) => {
        const section = told.get(schema)
        return section === undefined ? [] : [{ name, section }]
      }),
      ({ section }) => section,
    )
    const parts = [...shared].map(([section, all]) =>
      sharedFields(
        section,
        all.map(({ name }) => name),
      ),
    )
    const what = parts.length === 0 ? at.what : `${at.what} Further fields: ${parts.join(', and ')}.`
    const here: Section = { ...at, what, shape: own }
    for (const schema of Object.values(own)) told.set(schema, here)
    const below = Object.entries(own).flatMap(([name, schema]) => {
      const what = String(metaOf(schema)['description'] ?? '')
      const path = `${at.path === '' ? '' : `${at.path}.`}${name}`
      const places = Map.groupBy(mappingsIn(schema), ({ suffix }) => suffix)
      return [...places].flatMap(([suffix, forms]) =>
        walkForms(
          { path: `${path}${suffix}`, what },
          forms.map(({ shape }) => shape),
        ),
      )
    })
    return [here, ...below]
  }
  /** One section for each form; where all of them are told already, one that leads there. */
  const walkForms = (at: Omit<Section, 'shape'>, forms: readonly Shape[]): readonly Section[] => {
    const [first, ...others] = forms
    if (first === undefined) return []
    if (others.length === 0) return walk({ ...at, shape: first })
    const known = forms.flatMap((shape) => told.get(Object.values(shape)[0] as Schema) ?? [])
    const [same] = known
    if (same !== undefined && known.length === forms.length)
      return [{ ...at, shape: {}, what: `${at.what} As ${linkTo(same)} and what follows it.` }]
    return forms.flatMap((shape) => walk({ ...at, shape, form: formOf(shape, forms) }))
  }
  return walk(section)
}

/** The field that no other form has. */
const formOf = (shape: Shape, forms: readonly Shape[]): string | undefined =>
  Object.keys(shape).find((name) => forms.every((other) => other === shape || !Object.hasOwn(other, name)))

const headingOf = ({ path, form }: Pick<Section, 'path' | 'form'>): string =>
  path === '' ? 'The file' : form === undefined ? `\`${path}\`` : `\`${path}\` with \`${form}\``

const linkTo = (section: Section): string => {
  const heading = headingOf(section)
  const anchor = heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9_ -]/g, '')
    .replaceAll(' ', '-')
  return `[${heading}](#${anchor})`
}

/** `all of` another section, or those fields that are the same as there. */
const sharedFields = (section: Section, names: readonly string[]): string => {
  const isAll = Object.keys(section.shape).every((name) => names.includes(name))
  const listed = isAll ? 'all' : names.map((name) => `\`${name}\``).join(', ')
  return `${listed} of ${linkTo(section)}`
}

/** The mappings that a field holds: itself, its items (`[]`), its values (`.<name>`), the branches of a union. */
function mappingsIn(schema: Schema): readonly { readonly suffix: string; readonly shape: Shape }[] {
  const { def } = schema._zod as z.core.$ZodTypes['_zod']
  const inside = (inner: Schema, suffix: string): ReturnType<typeof mappingsIn> =>
    mappingsIn(inner).map((found) => ({ ...found, suffix: `${suffix}${found.suffix}` }))
  if (def.type === 'object') return isReference(def.shape) ? [] : [{ suffix: '', shape: def.shape }]
  if (def.type === 'optional') return inside(def.innerType, '')
  if (def.type === 'array') return inside(def.element, '[]')
  if (def.type === 'record') return inside(def.valueType, '.<name>')
  return def.type === 'union' ? def.options.flatMap((option) => inside(option, '')) : []
}

/** `{ env }` and `{ file }` are told in the introduction, not as sections of their own. */
const isReference = (shape: Shape): boolean => ['env', 'file'].includes(Object.keys(shape).join(' '))

function renderSection(section: Section): string {
  const { shape, what } = section
  const rows = Object.entries(shape).map(([name, schema]) => {
    const meta = metaOf(schema)
    const required = schema._zod.def.type === 'optional' ? '' : ' (required)'
    const [example] = Array.isArray(meta['examples']) ? meta['examples'] : []
    const text = [
      String(meta['description'] ?? ''),
      example === undefined ? '' : `Example: \`${JSON.stringify(example)}\`.`,
    ]
    return [
      `\`${name}\`${required}`,
      typeName(schema),
      String(meta['fallback'] ?? ''),
      text.filter((part) => part !== '').join(' '),
    ]
  })
  const table = [['Field', 'Type', 'Default', 'Meaning'], ['---', '---', '---', '---'], ...rows]
  const lines = table.map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`,
  )
  return [
    `## ${headingOf(section)}`,
    ...(what === '' ? [] : [what.trim()]),
    ...(rows.length === 0 ? [] : [lines.join('\n')]),
  ].join('\n\n')
}

/** What is told about a field, through the `optional` around it. */
function metaOf(schema: Schema): Readonly<Record<string, unknown>> {
  const { def } = schema._zod as z.core.$ZodTypes['_zod']
  const own =
    'meta' in schema && typeof schema.meta === 'function'
      ? (schema.meta() as Record<string, unknown> | undefined)
      : undefined
  return { ...(def.type === 'optional' ? metaOf(def.innerType) : {}), ...own }
}

function typeName(schema: Schema): string {
  const { def } = schema._zod as z.core.$ZodTypes['_zod']
  switch (def.type) {
    case 'optional':
      return typeName(def.innerType)
    case 'string':
      return String(metaOf(schema)['kind'] ?? 'text')
    case 'number':
      return 'whole number'
    case 'boolean':
      return '`true`, `false`'
    case 'enum':
      return Object.values(def.entries)
        .map((value) => `\`${value}\``)
        .join(', ')
    case 'literal':
      return def.values.map((value) => `\`${String(value)}\``).join(', ')
    case 'array':
      return listOf(typeName(def.element))
    case 'union':
      return [...new Set(def.options.map(typeName))].join(' or ')
    case 'object': {
      const keys = Object.keys(def.shape)
      return isReference(def.shape) ? `\`{ ${keys.join(', ')} }\`` : 'mapping'
    }
    default:
      return 'mapping'
  }
}

const listOf = (of: string): string => `list of ${of.includes(' or ') ? `(${of})` : of}`
