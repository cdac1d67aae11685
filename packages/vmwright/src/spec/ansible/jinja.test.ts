import { describe, expect, it, test } from 'vitest'
import { readYaml } from './read-yaml.ts'
import { mergeVariables, type Scope, scopeOf } from './scope.ts'
import type { Value } from './value.ts'

/** A value without its places: scalars as they are, the rest as kind and what tells it. */
function plain(value: Value | undefined): unknown {
  if (value === undefined) return undefined
  switch (value.kind) {
    case 'scalar':
      return value.value
    case 'list':
      return value.items.map(plain)
    case 'map':
      return Object.fromEntries([...value.entries].map(([key, inner]) => [key, plain(inner)]))
    case 'env':
      return { env: value.name }
    case 'file':
      return { file: value.path }
    case 'question':
      return { question: value.why }
    default:
      return { kind: value.kind }
  }
}

const scope = (text: string): Scope => scopeOf(mergeVariables([readYaml('vars.yml', text)]))
const common = `
name: web
count: 3
on: true
path: /srv/vms/web.qcow2
list: [a, b]
more: [c]
map: { key: inner, "with space": x, deep: { er: 7 } }
nothing:
empty: ""
admin_password: c4nary
locked: !vault |
  $ANSIBLE_VAULT;1.1;AES256
  6162
`
const evaluated = (expression: string): unknown =>
  plain(scope(`${common}\nresult: ${JSON.stringify(expression)}\n`).get('result'))

describe('X5: plain references', () => {
  test.each<[string, unknown]>([
    ['{{ name }}', 'web'],
    ['{{count}}', 3],
    ['{{ on }}', true],
    ['{{ list }}', ['a', 'b']],
    ['{{ map.key }}', 'inner'],
    ["{{ map['with space'] }}", 'x'],
    ['{{ map.deep.er }}', 7],
    ['{{ list[1] }}', 'b'],
    ['{{ list.0 }}', 'a'],
    ['/srv/{{ name }}/{{ count }}', '/srv/web/3'],
    ["{{ name ~ '-' ~ count }}", 'web-3'],
    ["{{ name + '.example' }}", 'web.example'],
    ['{{ list + more }}', ['a', 'b', 'c']],
    ['{{ count + 1 }}', 4],
    ['a {# a comment #}b', 'a b'],
    ["{{ 'curly }} in quotes' }}", 'curly }} in quotes'],
    ['{{- name -}}', 'web'],
    ["{{ ('a' ~ name) | upper }}", 'AWEB'],
    ['no expression', 'no expression'],
  ])('%s', (expression, want) => {
    expect(evaluated(expression)).toEqual(want)
  })
})

describe('X5: the filters that the old files use', () => {
  test.each<[string, unknown]>([
    ["{{ missing | default('x') }}", 'x'],
    ["{{ missing | d('x') }}", 'x'],
    ["{{ map.missing | default('x') }}", 'x'],
    ["{{ empty | default('x') }}", ''],
    ["{{ empty | default('x', true) }}", 'x'],
    ["{{ empty | default('x', boolean=true) }}", 'x'],
    ['{{ missing | default(name) }}', 'web'],
    ['{{ missing | default(omit) }}', undefined],
    ["{{ 'yes' | bool }}", true],
    ["{{ 'no' | bool }}", false],
    ['{{ 0 | bool }}', false],
    ["{{ '24' | int }}", 24],
    ["{{ 'x' | int }}", 0],
    ['{{ count | string }}', '3'],
    ['{{ on | string }}', 'True'],
    ["{{ 'AbC' | lower }}", 'abc'],
    ['{{ name | upper }}', 'WEB'],
    ["{{ '  a ' | trim }}", 'a'],
    ["{{ name | replace('w', 'W') }}", 'Web'],
    ['{{ path | basename }}', 'web.qcow2'],
    ['{{ path | dirname }}', '/srv/vms'],
    ["{{ list | join(',') }}", 'a,b'],
    ["{{ on | ternary('a', 'b') }}", 'a'],
    ["{{ empty | ternary('a', 'b') }}", 'b'],
    ['{{ name | ansible.builtin.upper }}', 'WEB'],
    ["{{ lookup('env', 'VM_PASSWORD') }}", { env: 'VM_PASSWORD' }],
    ["{{ lookup('file', '~/.ssh/id.pub') }}", { file: '~/.ssh/id.pub' }],
  ])('%s', (expression, want) => {
    expect(evaluated(expression)).toEqual(want)
  })
})

describe('X5: what is not resolved is a question, never a guess', () => {
  test.each([
    ['{{ missing }}', '`missing` is not set in these files'],
    ['{{ map.missing }}', '`missing` is not set in these files'],
    ["{{ name | regex_replace('w', 'x') }}", 'the filter `regex_replace`, which is not known here'],
    ["{{ name | password_hash('sha512') }}", 'the filter `password_hash`, which is not known here'],
    ['{{ name if on else count }}', 'an expression that is not resolved'],
    ['{% if on %}x{% endif %}', 'more than plain expressions'],
    ['{{ name', 'more than plain expressions'],
    ['{{ }}', 'an expression that is not resolved'],
    ['{{ name.upper() }}', 'an expression that is not resolved'],
    ["{{ ''.__class__.__mro__ }}", 'a part of something that has none'],
    ["{{ lookup('pipe', 'id') }}", 'a lookup that is not known here'],
    ["{{ lookup('env', 'A; B') }}", 'a lookup that is not known here'],
    ["{{ query('env', 'HOME') }}", 'an expression that is not resolved'],
    ["{{ hostvars['x'].y }}", '`hostvars` is not set in these files'],
    ['x{{ list }}', 'a text with a list or mapping in it'],
    ['x{{ admin_password }}', 'a text with a secret in it'],
    ['x{{ locked }}', 'a text with a secret in it'],
    ["x{{ lookup('env', 'HOME') }}", 'a text with a secret in it'],
    ['{{ name + count }}', 'a sum of things that do not go together'],
    ['{{ list | int }}', 'the filter `int` on something it does not fit'],
    ['{{ count - 1 }}', 'an expression that is not resolved'],
    ['{{ [1, 2 }}', 'an expression that is not resolved'],
  ])('%s', (expression, why) => {
    expect(evaluated(expression)).toEqual({ question: why })
  })

  it('X5: a secret in clear is not in the value, whatever it is reached by', () => {
    expect(evaluated('{{ admin_password }}')).toEqual({ kind: 'secret' })
    const names = scope(
      `${common}\nurl: https://me:c4nary@host/\ndeep: { user: { password: c4nary } }\ncopy: "{{ deep }}"\n`,
    )
    const all = names.names.map((name) => plain(names.get(name)))
    expect(JSON.stringify(all)).not.toContain('c4nary')
  })

  it('X5: a question has no text in quotes, which may be a secret', () => {
    const value = scope('a: "{{ \'c4nary\' | password_hash }}"').get('a')
    expect(value).toMatchObject({ kind: 'question', text: "{{ '…' | password_hash }}" })
  })

  it('X5: !unsafe texts are not searched for expressions', () => {
    expect(plain(scope('a: !unsafe "{{ b }}"').get('a'))).toBe('{{ b }}')
  })
})

describe('X5: hostile expressions end', () => {
  it('X5: circles', () => {
    const names = scope('a: "{{ b }}"\nb: "{{ c }}"\nc: "x{{ a }}"\nself: "{{ self }}"\n')
    for (const name of ['a', 'b', 'c', 'self'])
      expect(plain(names.get(name))).toEqual({
        question: expect.stringContaining('refers to itself') as string,
      })
  })

  it('X5: doubling', () => {
    const lines = Array.from({ length: 60 }, (_, index) => `v${index + 1}: "{{ v${index} }}{{ v${index} }}"`)
    const names = scope(`v0: xxxxxxxxxx\n${lines.toReversed().join('\n')}\n`)
    expect(plain(names.get('v30'))).toEqual({ question: 'an expression that grows too large' })
    const lists = Array.from({ length: 40 }, (_, index) => `l${index + 1}: "{{ [l${index}, l${index}] }}"`)
    expect(plain(scope(`l0: x\n${lists.join('\n')}\n`).get('l40'))).toEqual({
      question: 'an expression that grows too large',
    })
  })

  it('X5: depth', () => {
    const lines = Array.from({ length: 300 }, (_, index) => `v${index}: "{{ v${index + 1} }}"`)
    expect(plain(scope(lines.join('\n')).get('v0'))).toEqual({ question: 'references that go too deep' })
    expect(evaluated(`{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`)).toEqual({
      question: 'an expression that is not resolved',
    })
    expect(evaluated(`{{ 1${' ~ 1'.repeat(50_000)} }}`)).toEqual({
      question: expect.stringMatching(/not resolved|longer/) as string,
    })
  })
})
