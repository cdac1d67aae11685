import { specJsonSchema } from '@vmwright/contract'
import { describe, expect, it } from 'vitest'
import { commandTable } from '../packages/vmwright/src/cli/command-table.ts'
import { buildProgram } from '../packages/vmwright/src/cli/program.ts'
import { productSources } from './support/texts.ts'

describe('hints', () => {
  const table = commandTable(buildProgram(() => async () => {}))
  /** `vmwright` and up to eight words as they stand in a command line, values of templates among them. */
  const mentions = /\bvmwright ([a-z]+)((?: (?:--)?[\w./${}()=-]+){0,8})/g

  it('name only options that their command has', () => {
    const found = productSources.flatMap(({ path, text }) =>
      [...text.matchAll(mentions)].flatMap(({ 1: first = '', 2: rest = '' }) => {
        // `$(vmwright env --unset)` in a shell.
        const words = rest.trim().replace(/\)$/, '').split(' ')
        const command =
          table.find((entry) => entry.path === `${first} ${words[0]}`) ??
          table.find((entry) => entry.path === first)
        const end = words.indexOf('--')
        const flags = (end === -1 ? words : words.slice(0, end)).filter((word) => /^--[a-z]/.test(word))
        return command === undefined ? [] : flags.map((flag) => ({ path, command, flag }))
      }),
    )
    const wrong = found.filter(({ command, flag }) =>
      command.options.every((option) => !option.flags.includes(flag)),
    )
    expect(found.length).toBeGreaterThan(10)
    expect(wrong.map(({ path, command, flag }) => `${path}: vmwright ${command.path} ${flag}`)).toEqual([])
  })
})

describe('hints about the spec', () => {
  /** Names of fields, and the words that fields may have. */
  const known = new Set<string>()
  const collect = (schema: unknown): void => {
    if (schema === null || typeof schema !== 'object') return
    if ('enum' in schema && Array.isArray(schema.enum))
      schema.enum.map(String).forEach((word) => known.add(word))
    if ('properties' in schema) Object.keys(schema.properties as object).forEach((name) => known.add(name))
    Object.values(schema).forEach(collect)
  }
  collect(specJsonSchema())

  /** Of Ansible: its package, its modules. */
  const isForeign = (name: string): boolean => /^ansible(\.|$)/.test(name)

  it('name only fields and words that it has', () => {
    const quoted = /\\?`([a-z][A-Za-z0-9]*(?:\.[a-z][A-Za-z0-9-]*)*)(?:: [^`$]*)?\\?`/g
    const named = productSources.flatMap(({ path, text }) =>
      text
        .split('\n')
        .filter((line) => /hint/i.test(line))
        .flatMap((line) => [...line.matchAll(quoted)].map((match) => ({ path, field: match[1] ?? '' }))),
    )
    expect(named.length).toBeGreaterThan(10)
    const wrong = named.filter(
      ({ field }) => !isForeign(field) && !field.split('.').every((part) => known.has(part)),
    )
    expect(wrong).toEqual([])
  })
})
