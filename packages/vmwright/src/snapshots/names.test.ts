import { describe, expect, it } from 'vitest'
import { revisionOf, snapshotName } from './names.ts'

describe('snapshotName', () => {
  it.each([
    ['shop', '7', 'clean', 'clean'],
    ['shop', '7', 'init', 'shop.7.init'],
    ['shop', '1.2.3', 'dependencies', 'shop.1.2.3.dependencies'],
    ['shop', 'auto-0123456789ab', 'init', 'shop.auto-0123456789ab.init'],
  ] as const)('G2: %s at %s keeps %s as %s', (project, revision, layer, name) => {
    expect(snapshotName(project, revision, layer)).toBe(name)
  })

  it.each(['a/b', '.hidden', '-x', 'ä', 'a b', "it's", '$(x)', '', '\n', 'r'.repeat(300), '../..'])(
    'G2: %j becomes a name that files and QEMU can hold',
    (revision) => {
      expect(snapshotName('shop', revision, 'init')).toMatch(
        /^shop\.[A-Za-z0-9_~][A-Za-z0-9._+~-]{0,79}\.init$/,
      )
    },
  )

  it('G2: revisions that cannot stand in a name as they are stay distinct', () => {
    const revisions = ['a/b', 'a-b', 'a b', 'a\\b', 'ä', 'ö', `${'r'.repeat(90)}1`, `${'r'.repeat(90)}2`]
    expect(new Set(revisions.map((revision) => snapshotName('shop', revision, 'init'))).size).toBe(
      revisions.length,
    )
  })

  it('G8: names the revision after the first 12 digits of the key', () => {
    expect(revisionOf({ kind: 'auto' }, '0123456789abcdef')).toBe('auto-0123456789ab')
    expect(revisionOf({ kind: 'fixed', value: 'r7' }, '0123456789abcdef')).toBe('r7')
  })
})
