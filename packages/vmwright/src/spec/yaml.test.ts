import { describe, expect, it, test } from 'vitest'
import { load, loadSound, problemLines, withHead } from './testing/load.ts'

const spec = withHead('instances: { web: { image: debian-12 } }\n')
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('text that is accepted', () => {
  test.each([
    ['a byte order mark', `\u{feff}${spec}`],
    ['Windows line ends', spec.replaceAll('\n', '\r\n')],
    ['a document start', `---\n${spec}`],
    [
      'an anchor and aliases',
      withHead('defaults: { image: &image debian-12 }\ninstances: { web: { image: *image } }\n'),
    ],
    ['standard tags', withHead('instances: { web: { image: !!str debian-12 } }\n')],
    [
      'keys that objects have',
      withHead('instances: { constructor: { image: debian-12 }, toString: { image: debian-12 } }\n'),
    ],
  ])('%s', async (_what, text) => {
    expect((await loadSound(text)).instances.length).toBeGreaterThan(0)
  })

  it('keeps the column after a byte order mark', async () => {
    expect(await problemLines('\u{feff}vesion: 1\nversion: 1\nproject: demo\n')).toEqual([
      expect.stringContaining('vmwright.yaml:1:1: vesion'),
    ])
  })
})

describe('text that is refused', () => {
  test.each([
    ['UTF-16 with a mark', new Uint8Array([0xff, 0xfe, 0x61, 0]), '1:1: is encoded in UTF-16'],
    ['UTF-16 without one', new Uint8Array([0x76, 0, 0x65, 0, 0x72, 0]), '1:1: is encoded in UTF-16'],
    ['a NUL', bytes(`${spec}# \0`), '4:3: has a NUL byte'],
    ['Latin-1', Uint8Array.from([...bytes('version: 1\n# '), 0xe4, 0x20]), '2:3: is not valid UTF-8'],
    ['more than 1 MiB', bytes(`${spec}${'#'.repeat(1024 * 1024)}`), '1:1: is larger than 1 MiB'],
    ['nothing', '', '1:1: is empty'],
    ['a list', '- a\n', '1:1: must be a mapping'],
    [
      'a duplicate key',
      withHead('instances:\n  a: {}\n  b: {}\n  a: {}\n'),
      '6:3: instances.a: is given twice',
    ],
    ['a second document', `${spec}---\n${spec}`, '4:1: a file holds one document'],
    ['a tag', withHead('instances: !!js/function x\n'), '3:12: tags are not accepted'],
    [
      'a merge key',
      withHead('defaults: &d { vcpus: 1 }\ninstances: { a: { <<: *d } }\n'),
      '4:19: instances.a: merge keys are not accepted',
    ],
    ['a prototype', withHead('__proto__: { polluted: true }\n'), '3:1: `__proto__` is not accepted as a key'],
    ['a mapping as key', withHead('{ a: b }: c\n'), '3:1: is not usable as a key'],
    ['infinity', withHead('defaults: { vcpus: .inf }\n'), '3:20: defaults.vcpus: is not a finite number'],
    ['a tab', 'version: 1\n\tproject: demo\n', '2:1: is indented with a tab'],
    ['an unset anchor', withHead('defaults: *x\n'), '3:11: '],
    ['101 aliases', withHead(`a: &a 1\nb: [${'*a, '.repeat(101)}]\n`), 'has more than 100 aliases'],
    ['brackets in brackets', `version: ${'['.repeat(200_000)}`, 'is nested more than 50 deep'],
    ['dashes in dashes', `version:\n${'- '.repeat(2000)}x\n`, 'is nested more than 50 deep'],
  ])('%s', async (_what, text, line) => {
    const lines = await problemLines(text)
    expect(lines.join('\n')).toContain(line)
    expect(lines[0]).toMatch(/^vmwright\.yaml:\d+:\d+: /)
  })

  test.each([
    ['brackets', '[]'],
    ['closing brackets', ']'],
    ['tags', '!t '],
    ['anchors', '&a '],
    ['documents', '---\n'],
    ['directives', '%A b\n'],
    ['open lists', 'x: [\n'],
    ['keys', 'k: 1\n'],
    ['variables', '- ${a}${b}\n'],
    ['quotes', "'"],
    ['indentation', ' '],
  ])('a file of nothing but %s', async (_what, text) => {
    const { spec, problems } = await load(text.repeat(Math.floor((1024 * 1024) / text.length)))
    expect(spec).toBeUndefined()
    expect(problems.length).toBeGreaterThan(0)
    expect(problems.length).toBeLessThan(1500)
  })

  it('a billion laughs, at once', async () => {
    const levels = Array.from(
      { length: 9 },
      (_, level) => `l${level + 1}: &l${level + 1} [${Array(10).fill(`*l${level}`).join(', ')}]`,
    )
    const started = performance.now()
    const { spec, problems } = await load(`l0: &l0 lol\n${levels.join('\n')}\n`)
    expect(performance.now() - started).toBeLessThan(1000)
    expect(spec).toBeUndefined()
    expect(problems.some(({ message }) => message === 'expands to too many values')).toBe(true)
  })

  it('leaves Object.prototype alone', async () => {
    await load(withHead('instances: { __proto__: { polluted: true } }\n'))
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})
