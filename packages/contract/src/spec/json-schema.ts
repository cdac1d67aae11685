import * as z from 'zod'
import { specDocument } from './document.ts'

type Json = Record<string, unknown>

/**
 * The JSON Schema (draft 7, which editors know best) of a vmwright.yaml. Beyond what zod gives: the whole text of
 * each field as its description, and `${variable}` accepted wherever a text of free form is not.
 */
export function specJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(specDocument, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema, path }) => amend(jsonSchema as Json, path),
  })
  return { ...schema, title: 'vmwright.yaml' }
}

function amend(schema: Json, path: readonly (string | number)[]): void {
  const { fallback } = schema
  delete schema['fallback']
  delete schema['kind']
  if (typeof fallback === 'string')
    schema['description'] = `${String(schema['description'])} Default: ${fallback}.`
  const isName = path.includes('propertyNames')
  const isDeclaration = path[1] === 'variables' || path[1] === 'include' || path[1] === 'version'
  if (!isName && !isDeclaration && isConstrained(schema)) allowVariable(schema)
}

const isConstrained = ({ type, pattern, enum: values }: Json): boolean =>
  type === 'integer' || type === 'boolean' || pattern !== undefined || values !== undefined

function allowVariable(schema: Json): void {
  const told = ['description', 'examples']
  const constraints = Object.fromEntries(Object.entries(schema).filter(([key]) => !told.includes(key)))
  for (const key of Object.keys(constraints)) delete schema[key]
  schema['anyOf'] = [constraints, { type: 'string', pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_-]*\\}' }]
}
