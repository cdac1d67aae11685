import { readdirSync, readFileSync } from 'node:fs'
import { expect, it, test } from 'vitest'
import { specDocument } from '@vmwright/contract'
import { canonicalJson } from '../lib/hash.ts'
import type { FileReader } from './include.ts'
import { loadSpec } from './load.ts'
import { formatProblem } from './problem.ts'
import { loadSound } from './testing/load.ts'

const folder = new URL('../../../../examples/', import.meta.url)
const reader: FileReader = {
  async readText(path) {
    try {
      return readFileSync(new URL(path.replace(/^\/examples\//, ''), folder))
    } catch {
      return undefined
    }
  },
}
const options = { variables: {}, homeDirectory: '/home/me', currentDirectory: '/examples' }
const examples = readdirSync(folder).filter((name) => name.endsWith('.yaml'))

test.each(examples)('X1: the example %s has no problems', async (name) => {
  const { spec, problems } = await loadSpec(reader, name, options)
  expect(problems.map(formatProblem)).toEqual([])
  expect(spec?.instances.length).toBeGreaterThan(0)
})

test.each(['full', 'templates', 'cluster', 'spread', 'lifecycle', 'matrix'])(
  'the example %s resolves to what is recorded',
  async (name) => {
    const { spec } = await loadSpec(reader, `${name}.yaml`, options)
    const text = JSON.stringify(JSON.parse(canonicalJson(spec)), null, 2)
    await expect(`${text}\n`).toMatchFileSnapshot(`testing/${name}.resolved.txt`)
  },
)

test('G1, G5, G7, G9: the test data for lifecycles resolves to what is recorded', async () => {
  const data = new URL('testing/lifecycles.yaml', import.meta.url)
  const files = {
    '/specs/setup_vm/platforms/from-file.yaml': 'image: debian-13\nlifecycle: { phases: ./own }\n',
  }
  const spec = await loadSound(readFileSync(data), files)
  const text = JSON.stringify(JSON.parse(canonicalJson(spec)), null, 2)
  await expect(`${text}\n`).toMatchFileSnapshot('testing/lifecycles.resolved.txt')
})

it('the full example, those of templates and clusters, and the test data for Hyper-V and lifecycles name every field of the schema', () => {
  const files = [
    new URL('full.yaml', folder),
    new URL('templates.yaml', folder),
    new URL('cluster.yaml', folder),
    new URL('testing/hyperv.yaml', import.meta.url),
    new URL('testing/lifecycles.yaml', import.meta.url),
  ]
  const text = files.map((file) => readFileSync(file, 'utf8')).join('\n')
  const missing = fieldNames(specDocument).filter((name) => !new RegExp(`\\b${name}:`).test(text))
  expect(missing).toEqual([])
})

/** All keys of all mappings in the schema's own JSON form. */
function fieldNames(schema: typeof specDocument): readonly string[] {
  const names = new Set<string>()
  const walk = (value: unknown): void => {
    if (value === null || typeof value !== 'object') return
    if ('properties' in value) Object.keys(value.properties as object).forEach((name) => names.add(name))
    Object.values(value).forEach(walk)
  }
  walk(schema.toJSONSchema({ io: 'input', unrepresentable: 'any' }))
  return [...names].filter((name) => name !== 'file' || !names.has('env'))
}
