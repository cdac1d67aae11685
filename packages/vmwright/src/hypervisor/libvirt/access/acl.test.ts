import { describe, expect, it } from 'vitest'
import { computeRights, hidesRights, parseAcl, rightsOf, rightsText } from './acl.ts'

const lines = (...entries: readonly string[]): string => entries.join('\n')

describe('rights', () => {
  it.each(['---', '--x', 'r--', 'r-x', '-w-', 'rw-', 'rwx'])('T9: reads and writes %s', (text) => {
    expect(rightsText(rightsOf(text))).toBe(text)
  })
})

describe('computeRights', () => {
  const qemu = { uid: 64055, groups: [107, 64055] }
  const base = ['user::rwx', 'group::r-x', 'other::--x']

  it.each([
    ['everybody', 0, 0, base, '--x'],
    ['the group', 0, 107, base, 'r-x'],
    ['a further group of the user', 0, 64055, base, 'r-x'],
    ['the owner', 64055, 0, base, 'rwx'],
    ['the owner alone, whatever the group has', 64055, 107, ['user::---', 'group::rwx', 'other::rwx'], '---'],
    ['the group alone, whatever everybody has', 0, 107, ['user::rwx', 'group::---', 'other::rwx'], '---'],
    ['the own entry before the group', 0, 107, [...base, 'user:64055:-w-', 'mask::rwx'], '-w-'],
    ['the own entry within the mask', 0, 0, [...base, 'user:64055:rwx', 'mask::r--'], 'r--'],
    ['the owning group within the mask', 0, 107, [...base, 'user:1:rwx', 'mask::--x'], '--x'],
    ['named groups together', 0, 0, [...base, 'group:107:r--', 'group:64055:--x', 'mask::rwx'], 'r-x'],
    ['not others’ entries', 0, 0, [...base, 'user:1000:rwx', 'group:4:rwx', 'mask::rwx'], '--x'],
    ['not default entries', 0, 0, [...base, 'default:user:64055:rwx', 'default:mask::rwx'], '--x'],
  ] as const)('T9: gives what counts for %s', (_, uid, gid, entries, want) => {
    const acl = parseAcl(lines(...entries), 0)
    expect(rightsText(computeRights({ uid, gid, acl }, qemu))).toBe(want)
  })

  it('T9: goes by the mode where there is no getfacl', () => {
    const acl = parseAcl('', 0o751)
    expect([acl.owner, acl.group, acl.other, acl.mask]).toEqual([7, 5, 1, undefined])
  })
})

describe('hidesRights', () => {
  it.each([
    ['there is no mask', ['group::rwx'], '--x', false],
    ['the mask has it already', ['user:1:rwx', 'group::---', 'mask::--x'], '--x', false],
    ['nobody else has it', ['user:1:r--', 'group::r--', 'mask::r--'], '--x', false],
    ['a user has it, hidden', ['user:1:r-x', 'group::---', 'mask::r--'], '--x', true],
    ['the group has it, hidden', ['group::rwx', 'mask::---'], '--x', true],
    ['a named group has it, hidden', ['group::---', 'group:7:--x', 'mask::---'], '--x', true],
    ['it is the own entry that is hidden', ['user:64055:rwx', 'group::---', 'mask::---'], '--x', false],
  ] as const)('T9: of a wider mask, when %s', (_, entries, rights, want) => {
    expect(hidesRights(parseAcl(lines(...entries), 0), 64055, rightsOf(rights))).toBe(want)
  })
})
