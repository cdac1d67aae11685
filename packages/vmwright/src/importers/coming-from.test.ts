import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { specDocument } from '@vmwright/contract'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { importers } from './importers.ts'
import { settingRow } from './testing.ts'

const docs = join(import.meta.dirname, '../../../../docs')

describe('X5: docs/coming-from', () => {
  test.each(importers)(
    'X5: $page has a row for each setting that is known, and for no other',
    ({ page, settings }) => {
      const text = readFileSync(join(docs, 'coming-from', `${page}.md`), 'utf8')
      const [, ...sections] = text.split(/^## Settings/m)
      const rows = sections
        .join('')
        .split('\n')
        .filter((line) => line.startsWith('| ') && !/^\| (---|Old)/.test(line))
        .map((line) => line.replaceAll(/ +/g, ' ').trim())
      expect(rows.toSorted()).toEqual(
        settings.map((setting) => settingRow(setting).replaceAll(/ +/g, ' ')).toSorted(),
      )
    },
  )

  test.each(importers)('X5: $id knows each setting once, and only fields that there are', ({ settings }) => {
    const names = settings.map(({ name }) => name)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
    const wrong = settings.flatMap(({ to }) => (to === undefined || hasField(to) ? [] : [to]))
    expect(wrong).toEqual([])
  })
})

const root = z.toJSONSchema(specDocument, { reused: 'inline', unrepresentable: 'any' }) as {
  readonly $defs?: Json
}

/** Whether `instances.*.extraDisks[].mount.path` is a path in the schema. */
function hasField(path: string): boolean {
  let schema: unknown = root
  const parts = path.replaceAll(/\[\d*\]/g, '.[]').split('.')
  for (const [index, part] of parts.entries()) {
    const key =
      index > 0 &&
      ['hosts', 'images', 'templates', 'networks', 'pools', 'instances'].includes(parts[index - 1] ?? '') &&
      index === 1
        ? '*'
        : part
    const next = alternatives(schema)
      .map((each) => below(each, key))
      .find((each) => each !== undefined)
    if (next === undefined) return false
    schema = next
  }
  return true
}

type Json = Readonly<Record<string, unknown>>

function alternatives(schema: unknown): readonly Json[] {
  const each = schema as Json
  const reference = typeof each['$ref'] === 'string' ? each['$ref'].split('/').at(-1) : undefined
  const target = reference === undefined ? each : ((root.$defs?.[reference] ?? {}) as Json)
  const inner = (target['anyOf'] ?? target['oneOf'] ?? target['allOf']) as readonly unknown[] | undefined
  return inner === undefined ? [target] : [target, ...inner.flatMap((one) => alternatives(one))]
}

function below(schema: Json, part: string): unknown {
  if (part === '*') return schema['additionalProperties']
  if (part === '[]') return schema['items']
  return (schema['properties'] as Json | undefined)?.[part]
}
