import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AccessRepair } from '../../host-files.ts'
import { checkAccess } from './access.ts'
import { grantedAccess, repairAccess, undoAccess } from './repair.ts'
import { acls, canDo, mount, openTestTree, progress, run, shell, type TestTree, user } from './testing.ts'

let tree: TestTree
beforeEach(async ({ skip }) => {
  skip(process.getuid?.() !== 0, 'becoming another user needs root')
  tree = await openTestTree()
})
afterEach(() => tree?.[Symbol.asyncDispose]())

describe('T9: repair of access, and its undo', () => {
  it('T9: repairs exactly what blocks, so that a process of that user gets in, and undo restores every ACL', async () => {
    const file = join(await tree.make('data', 'pool'), 'base.qcow2')
    await writeFile(file, 'x', { mode: 0o600 })
    await writeFile(tree.places.qemuConf, 'dynamic_ownership = 0\n')
    await chmod(tree.at('data'), 0o700)
    const before = await acls(tree.folder)
    expect(await canDo('-r', file)).toBe(false)

    const repairs = await tree.repairsFor(file, 'read')
    expect(repairs.map(({ path, permissions }) => [path, permissions])).toEqual([
      [tree.folder, '--x'],
      [tree.at('data'), '--x'],
      [file, 'r--'],
    ])
    const changes = await repairAccess(shell, progress, repairs, tree.places)
    expect(changes.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done'])
    expect(await canDo('-r', file)).toBe(true)
    expect(await canDo('-w', file)).toBe(false)
    expect(await canDo('-r', tree.folder)).toBe(false)
    expect((await tree.check(file, 'read')).blocked).toEqual([])
    const uid = (await run('id', ['-u', user])).stdout.trim()
    const granted = (await acls(tree.at()))
      .split('\n')
      .filter((line) => line.startsWith('user:') && line.includes(uid))
    expect(granted).toEqual([`user:${uid}:--x`, `user:${uid}:r--`])

    expect(await grantedAccess(shell, progress, tree.places)).toEqual(repairs)
    const undone = await undoAccess(shell, progress, tree.places)
    expect(undone.map(({ path, outcome }) => [path, outcome])).toEqual([
      [file, 'done'],
      [tree.at('data'), 'done'],
      [tree.folder, 'done'],
    ])
    await rm(tree.places.state, { recursive: true })
    expect(await acls(tree.folder)).toBe(before)
    expect(await grantedAccess(shell, progress, tree.places)).toEqual([])
  })

  it.each([
    ['an entry of the user’s own and a mask', ['u:games:r--,u:daemon:rwx,m::r--', '-n']],
    ['entries of others alone', ['u:daemon:r-x,g:daemon:--x']],
    ['a mask wider than any entry', ['u:daemon:r--,m::rwx', '-n']],
    ['default entries', ['u:daemon:r--,d:u:daemon:rwx']],
  ])('T9: undo restores an ACL with %s', async (_, [entries = '', ...options]) => {
    const pool = await tree.make('pool')
    await chmod(tree.folder, 0o755)
    await chmod(tree.at(), 0o700)
    await run('setfacl', [...options, '-m', entries, tree.at()])
    const before = await acls(tree.at())
    const { blocked } = await tree.check(pool)
    const repair: AccessRepair = { path: tree.at(), user, permissions: 'r-x' }
    await repairAccess(shell, progress, [...(blocked[0]?.repairs ?? []), repair], tree.places)
    expect(await canDo('-x', pool)).toBe(true)
    expect(await acls(tree.at())).not.toBe(before)
    await undoAccess(shell, progress, tree.places)
    expect(await acls(tree.at())).toBe(before)
  })

  it('T9: may be repeated, and undo too', async () => {
    const repairs = await tree.repairsFor(await tree.make())
    const before = await acls(tree.folder)
    await repairAccess(shell, progress, repairs, tree.places)
    const again = await repairAccess(shell, progress, repairs, tree.places)
    expect(again.map(({ outcome }) => outcome)).toEqual(['already'])
    await undoAccess(shell, progress, tree.places)
    expect(await undoAccess(shell, progress, tree.places)).toEqual([])
    await rm(tree.places.state, { recursive: true })
    expect(await acls(tree.folder)).toBe(before)
  })

  it('T9: gives one entry where several needs meet in a tree.folder', async () => {
    const pool = await tree.make('pool')
    await chmod(tree.folder, 0o755)
    await chmod(tree.at(), 0o700)
    const needs = [
      { path: pool, need: 'search' },
      { path: tree.at(), need: 'read' },
    ] as const
    const { blocked } = await checkAccess(shell, progress, { user, needs }, tree.places)
    const repairs = blocked.flatMap((block) => block.repairs)
    const changes = await repairAccess(shell, progress, repairs.toReversed(), tree.places)
    expect(changes).toEqual([{ path: tree.at(), user, permissions: 'r-x', outcome: 'done' }])
  })

  it('T9: survives a crash between record and change', async () => {
    const pool = await tree.make('pool')
    const repairs = await tree.repairsFor(pool)
    const before = await acls(tree.folder)
    await repairAccess(shell, progress, repairs, tree.places)
    const record = await readFile(join(tree.places.state, 'access'))
    await undoAccess(shell, progress, tree.places)
    await writeFile(join(tree.places.state, 'access'), record)
    const undone = await undoAccess(shell, progress, tree.places)
    expect(undone.map(({ outcome }) => outcome)).toEqual(['already'])
    await rm(tree.places.state, { recursive: true })
    expect(await acls(tree.folder)).toBe(before)
  })

  it('T9: two repairs at once both stay on record', async () => {
    const paths = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => tree.make(name)))
    await Promise.all(paths.map((path) => chmod(path, 0o700)))
    const before = await acls(tree.at())
    const repair = (path: string) =>
      repairAccess(shell, progress, [{ path, user, permissions: '--x' }], tree.places)
    await Promise.all(paths.map(repair))
    const granted = await grantedAccess(shell, progress, tree.places)
    expect(granted.map(({ path }) => path).toSorted()).toEqual(paths)
    await undoAccess(shell, progress, tree.places)
    expect(await acls(tree.at())).toBe(before)
  })

  it('T9: leaves alone what others changed since, and says what is gone', async () => {
    const [kept, gone, swapped] = [
      await tree.make('kept'),
      await tree.make('gone'),
      await tree.make('swapped'),
    ]
    const paths = [kept, gone, swapped].map((path) => ({ path, user, permissions: '--x' }))
    await repairAccess(shell, progress, paths, tree.places)
    await run('setfacl', ['-m', `u:${user}:rwx`, kept])
    await rm(gone, { recursive: true })
    await rename(swapped, tree.at('moved'))
    await symlink(kept, swapped)
    const mine = await acls(kept)
    const undone = await undoAccess(shell, progress, tree.places)
    expect(undone.map(({ outcome }) => outcome)).toEqual(['vanished', 'vanished', 'kept'])
    expect(await acls(kept)).toBe(mine)
    const late = await repairAccess(shell, progress, paths.slice(1), tree.places)
    expect(late.map(({ outcome }) => outcome)).toEqual(['vanished', 'vanished'])
    expect(await acls(kept)).toBe(mine)
  })

  it.each([
    ['spaces', 'two  words'],
    ['a newline at its end', 'line\n'],
    ['a leading dash', '-R'],
    ['quotes and a dollar', `a'b"c$(id)`],
    ['letters beyond ASCII', 'Größe'],
    ['a backslash', 'a\\0101b'],
  ])('T9: bears a name with %s', async (_, name) => {
    const pool = await tree.make(name, 'pool')
    await chmod(tree.folder, 0o755)
    await chmod(tree.at(name), 0o700)
    const before = await acls(tree.at())
    const repairs = await tree.repairsFor(pool)
    expect(repairs).toEqual([{ path: tree.at(name), user, permissions: '--x' }])
    await repairAccess(shell, progress, repairs, tree.places)
    expect(await canDo('-x', pool)).toBe(true)
    await undoAccess(shell, progress, tree.places)
    expect(await acls(tree.at())).toBe(before)
  })

  it('T9: repairs on tmpfs too', async ({ skip }) => {
    await using mounted = await mount('tmpfs', tree)
    if (mounted === undefined) return skip('nothing can be mounted here')
    const pool = join(mounted.path, 'pool')
    await mkdir(pool)
    await chmod(tree.folder, 0o755)
    await chmod(mounted.path, 0o700)
    await repairAccess(shell, progress, await tree.repairsFor(pool), tree.places)
    expect(await canDo('-x', pool)).toBe(true)
    await undoAccess(shell, progress, tree.places)
    expect(await canDo('-x', pool)).toBe(false)
  })
})
