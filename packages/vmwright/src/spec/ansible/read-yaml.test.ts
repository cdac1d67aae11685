import { describe, expect, it, test } from 'vitest'
import { SourceFault } from './fault.ts'
import { readYaml } from './read-yaml.ts'
import { entriesOf } from './value.ts'

const one = (text: string): unknown => {
  const value = entriesOf(readYaml('v.yml', `k: ${text}\n`)).get('k')
  return value?.kind === 'scalar' ? value.value : value?.kind
}

describe('X5: values as Ansible reads them', () => {
  test.each<[string, unknown]>([
    ['yes', true],
    ['Off', false],
    ['"yes"', 'yes'],
    ['12', 12],
    ['"24"', '24'],
    ['0644', '0644'],
    ['52:54:00:12:34:56', '52:54:00:12:34:56'],
    ['1:30', '1:30'],
    ['2024-01-01', '2024-01-01'],
    ['~', null],
    ['!!str 12', '12'],
    ['!vault x', 'vault'],
    ['!unsafe "{{ x }}"', '{{ x }}'],
    ['!!python/object/apply:os.system ["id"]', 'question'],
    ['!!binary aGk=', 'question'],
    ['!own {a: 1}', 'question'],
  ])('%s', (text, want) => {
    expect(one(text)).toEqual(want)
  })

  it('X5: merge keys, the own keys winning', () => {
    const root = readYaml('v.yml', 'a: &a { x: 1, y: 2 }\nb: { <<: *a, y: 3 }\n')
    expect(
      [...entriesOf(entriesOf(root).get('b'))].map(([key, value]) => [
        key,
        value.kind === 'scalar' && value.value,
      ]),
    ).toEqual([
      ['x', 1],
      ['y', 3],
    ])
  })

  it('X5: places are lines and columns', () => {
    const root = readYaml('v.yml', '---\n# x\na: 1\nb:\n  c: 2\n')
    expect(entriesOf(entriesOf(root).get('b')).get('c')?.place).toEqual({ file: 'v.yml', line: 5, column: 3 })
  })
})

describe('X5: what is refused says where and shows nothing of the text', () => {
  test.each([
    ['an unclosed quote', 'a: 1\nb: "c4nary', 'v.yml:2'],
    ['a tab', 'a: c4nary\n\tb: 1', 'v.yml:'],
    ['two documents', 'a: 1\n---\nb: c4nary\n', 'v.yml:'],
    ['an unknown anchor', 'a: *c4nary\n', 'v.yml:1'],
    ['a key that is a list', '? [c4nary]\n: 1\n', 'v.yml:1'],
    ['a prototype', '__proto__: c4nary\n', 'v.yml:1'],
    ['depth', `a: ${'['.repeat(500)}`, 'v.yml:1'],
    ['aliases of aliases', bomb(), 'v.yml:'],
  ])('%s', (_what, text, place) => {
    const error = thrownBy(() => readYaml('v.yml', text))
    expect(error).toBeInstanceOf(SourceFault)
    expect(String(error)).toContain(place)
    expect(`${String(error)}${JSON.stringify(error)}`).not.toContain('c4nary')
  })
})

function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let index = 1; index < 10; index++)
    lines.push(`a${index}: &a${index} [${Array.from({ length: 10 }, () => `*a${index - 1}`).join(', ')}]`)
  return lines.join('\n')
}

function thrownBy(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}
