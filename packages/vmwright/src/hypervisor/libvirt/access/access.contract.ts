import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkAccess } from './access.ts'
import { mount, openTestTree, progress, run, shell, shellOf, type TestTree, user } from './testing.ts'

let tree: TestTree
beforeEach(async ({ skip }) => {
  skip(process.getuid?.() !== 0, 'becoming another user needs root')
  tree = await openTestTree()
})
afterEach(() => tree?.[Symbol.asyncDispose]())

describe('T9: what the user that runs guests may do', () => {
  it('T9: finds the first tree.folder that stops the user, and the repairs for all that do', async () => {
    const pool = await tree.make('data', 'vms', 'pool')
    await chmod(tree.at('data'), 0o755)
    await chmod(tree.at('data', 'vms'), 0o750)
    const report = await tree.check(pool)
    expect(report.by).toBe('test')
    expect(report.blocked).toEqual([
      {
        path: pool,
        need: 'search',
        at: tree.folder,
        noRepair: undefined,
        repairs: [
          { path: tree.folder, user, permissions: '--x' },
          { path: tree.at('data', 'vms'), user, permissions: '--x' },
        ],
      },
    ])
  })

  it('T9: proposes nothing where the mask would give rights back to others', async () => {
    const pool = await tree.make('pool')
    await chmod(tree.folder, 0o755)
    await chmod(tree.at(), 0o700)
    await run('setfacl', ['-n', '-m', 'u:daemon:rwx,m::r--', tree.at()])
    const [block] = (await tree.check(pool)).blocked
    expect(block).toMatchObject({ at: tree.at(), repairs: [] })
    expect(block?.noRepair).toContain('mask hides rights of others')
  })

  it('T9: follows symbolic links, and repairs where they lead', async () => {
    await tree.make('real', 'pool')
    await chmod(tree.folder, 0o755)
    await chmod(tree.at('real'), 0o700)
    await tree.make('links')
    await symlink('../real/./pool', tree.at('links', 'relative'))
    await symlink(tree.at('links', 'relative'), tree.at('links', 'absolute'))
    await symlink('round', tree.at('links', 'round'))
    const path = `${tree.at('links', 'absolute')}/../pool`
    expect(await tree.repairsFor(path)).toEqual([{ path: tree.at('real'), user, permissions: '--x' }])
    expect((await tree.check(tree.at('links', 'round'))).missing).toEqual([tree.at('links', 'round')])
  })

  it('T9: says which paths are not there, and looks at what is above them', async () => {
    const report = await tree.check(tree.at('nothing', 'here'))
    expect(report.missing).toEqual([tree.at('nothing', 'here')])
    expect(report.blocked[0]?.at).toBe(tree.folder)
  })

  it.each([
    ['user = "games"', 'games'],
    ["  user='games' # of old", 'games'],
    ['#user = "nobody"\nuser = "+5"\ngroup = "+60"', '5'],
    ['user = "5"', '5'],
    ['user = "root"', 'root'],
  ])('T9: takes the user from qemu.conf: %j', async (text, name) => {
    await writeFile(tree.places.qemuConf, `# user = "daemon"\n${text}\n`)
    const report = await checkAccess(shell, progress, { user: undefined, needs: [] }, tree.places)
    expect(report.user).toBe(name)
  })

  it('T9: takes groups into account, those of the user and that of qemu.conf', async () => {
    const pool = await tree.make('pool')
    await chmod(tree.folder, 0o755)
    await chmod(tree.at(), 0o710)
    await run('chgrp', ['daemon', tree.at()])
    expect((await tree.check(pool)).blocked).toHaveLength(1)
    await writeFile(tree.places.qemuConf, 'group = "daemon"\n')
    expect((await tree.check(pool)).blocked).toEqual([])
    await run('chgrp', [user, tree.at()])
    expect((await tree.check(pool)).blocked).toEqual([])
  })

  it('T9: tries root without the capabilities that QEMU has not either', async () => {
    const pool = await tree.make('pool')
    await chmod(tree.folder, 0o755)
    await run('chown', ['games', tree.at()])
    await chmod(tree.at(), 0o700)
    expect((await tree.check(pool, 'search', 'root')).blocked[0]?.at).toBe(tree.at())
    await writeFile(tree.places.qemuConf, 'clear_emulator_capabilities = 0\n')
    expect((await tree.check(pool, 'search', 'root')).blocked).toEqual([])
  })

  it('T9: asks files for access only where libvirt does not give them to the user', async () => {
    const file = join(await tree.make(), 'base.qcow2')
    await chmod(tree.folder, 0o755)
    await writeFile(file, 'x', { mode: 0o600 })
    expect((await tree.check(file, 'read')).blocked).toEqual([])
    await writeFile(tree.places.qemuConf, 'dynamic_ownership = 0\n')
    expect(await tree.repairsFor(file, 'read')).toEqual([{ path: file, user, permissions: 'r--' }])
    expect(await tree.repairsFor(file, 'write')).toEqual([{ path: file, user, permissions: 'rw-' }])
  })

  it('T9: explains a user that the host has not', async () => {
    await expect(tree.check(tree.folder, 'search', 'nobody-of-that-name')).rejects.toMatchObject({
      code: 'host.access-denied',
      message: 'Host here has no user nobody-of-that-name to run guests.',
    })
  })

  it('T9: says what an owner has to do itself, and leaves that to the owner', async () => {
    const pool = await tree.make('pool')
    await chmod(tree.folder, 0o755)
    await run('chown', [user, tree.at()])
    await chmod(tree.at(), 0o600)
    const [block] = (await tree.check(pool)).blocked
    expect(block?.repairs).toEqual([])
    expect(block?.noRepair).toContain('chmod u+x')
  })

  it('T9: without root it computes the same, and says so', async () => {
    const pool = await tree.make('pool')
    await chmod(tree.folder, 0o755)
    await chmod(tree.at(), 0o700)
    await run('chown', ['-R', 'nobody', tree.at()])
    const tested = await tree.check(pool)
    const computed = await checkAccess(
      shellOf('nobody'),
      progress,
      { user, needs: [{ path: pool, need: 'search' }] },
      tree.places,
    )
    expect(tested.by).toBe('test')
    expect(computed).toEqual({ ...tested, by: 'computation' })
  })

  it.for(['vfat', 'ramfs'])('T9: says that an ACL cannot help on %s', async (type, { skip }) => {
    await using mounted = await mount(type, tree)
    if (mounted === undefined) return skip(`${type} cannot be mounted here`)
    const pool = join(mounted.path, 'pool')
    await mkdir(pool)
    await chmod(tree.folder, 0o755)
    await chmod(mounted.path, 0o700).catch(() => {})
    const [block] = (await tree.check(pool)).blocked
    expect(block).toMatchObject({ at: mounted.path, repairs: [] })
    expect(block?.noRepair).toContain(`${type}, which has no ACLs`)
  })

  it('T9: says of a file system that is mounted read-only that an ACL cannot help', async ({ skip }) => {
    await using mounted = await mount('tmpfs', tree)
    if (mounted === undefined) return skip('nothing can be mounted here')
    await mkdir(join(mounted.path, 'pool'))
    await chmod(tree.folder, 0o755)
    await chmod(mounted.path, 0o700)
    await run('mount', ['-o', 'remount,ro', mounted.path])
    const [block] = (await tree.check(join(mounted.path, 'pool'))).blocked
    expect(block?.noRepair).toContain('mounted read-only')
  })
})
