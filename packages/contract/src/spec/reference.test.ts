import { readFileSync } from 'node:fs'
import { expect, it, test } from 'vitest'
import { specDocument } from './document.ts'
import { specJsonSchema } from './json-schema.ts'
import { specReference } from './reference.ts'

const committed = (name: string): string =>
  readFileSync(new URL(`../../../../docs/reference/${name}`, import.meta.url), 'utf8')

test.each([
  ['spec.md', specReference],
  ['vmwright.schema.json', () => `${JSON.stringify(specJsonSchema(), null, 2)}\n`],
])('X1: docs/reference/%s is what the schema says; else run scripts/generate-docs.ts', (name, make) => {
  expect(committed(name)).toBe(make())
})

type Json = Readonly<Record<string, unknown>>
const isJson = (value: unknown): value is Json => value !== null && typeof value === 'object'

function fieldsOf(value: unknown, path: string): readonly (readonly [string, Json])[] {
  if (!isJson(value)) return []
  const { properties } = value
  const own = isJson(properties)
    ? Object.entries(properties).flatMap(([name, field]) =>
        isJson(field) ? [[`${path}.${name}`, field] as const] : [],
      )
    : []
  const below = Object.entries(value).flatMap(([name, inner]) =>
    fieldsOf(inner, name === 'properties' ? path : `${path}.${name}`),
  )
  return [...own, ...below]
}

it('X1: every field is described', () => {
  const fields = fieldsOf(specJsonSchema(), '')
  expect(fields.length).toBeGreaterThan(100)
  expect(
    fields.filter(([, field]) => typeof field['description'] !== 'string').map(([path]) => path),
  ).toEqual([])
})

it('every example in the reference is what its field accepts', () => {
  const wrong = Object.entries(specDocument.shape).flatMap(([name, field]) => {
    const { examples = [] } = (field.meta() ?? {}) as { examples?: readonly unknown[] }
    return examples.filter((example) => !field.safeParse(example).success).map(() => name)
  })
  expect(wrong).toEqual([])
})
