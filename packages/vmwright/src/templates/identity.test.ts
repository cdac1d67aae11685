import { expect, it } from 'vitest'
import type { HostFile } from '../hypervisor/host-files.ts'
import { contentIdentity, isQuicklySame, isSameContent } from './identity.ts'

const file = (change: Partial<HostFile> = {}): HostFile => ({
  path: '/srv/golden.qcow2',
  kind: 'file',
  realPath: '/srv/golden.qcow2',
  sizeBytes: 1,
  modifiedNs: '1',
  inode: '1',
  mode: 0o644,
  head: new Uint8Array([1]),
  sha256: undefined,
  ...change,
})

it.each<[string, Partial<HostFile>, boolean]>([
  ['its mode, which protection changes', { mode: 0o444 }, true],
  ['its size', { sizeBytes: 2 }, false],
  ['its time', { modifiedNs: '2' }, false],
  ['its inode', { inode: '2' }, false],
  ['its header', { head: new Uint8Array([2]) }, false],
])('T8: content stays the same with another %s: %o', (_title, change, wanted) => {
  expect(isSameContent(contentIdentity([file()]), contentIdentity([file(change)]))).toBe(wanted)
})

it.each<[string, Partial<HostFile>, Partial<HostFile>, boolean]>([
  ['touched', { sha256: 'a' }, { sha256: 'a', modifiedNs: '2' }, true],
  ['changed behind the back', { sha256: 'a' }, { sha256: 'b' }, false],
  ['hashed only now', {}, { sha256: 'a' }, true],
])('T8: where it is known, the whole content decides: %s', (_title, before, after, wanted) => {
  expect(isSameContent(contentIdentity([file(before)]), contentIdentity([file(after)]))).toBe(wanted)
})

it('T8: a quick look does not mind whether there is a hash', () => {
  expect(isQuicklySame(contentIdentity([file()]), contentIdentity([file({ sha256: 'a' })]))).toBe(true)
})
