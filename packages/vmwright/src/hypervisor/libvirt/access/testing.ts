import { noPreparation } from '../../../spec/resolved-places.ts'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Progress } from '../../../lib/progress.ts'
import { realSeam } from '../../../lib/seam.ts'
import type { AccessNeed, AccessRepair, AccessReport } from '../../host-files.ts'
import { type HostShell, hostShell } from '../host-shell.ts'
import { type AccessPlaces, checkAccess } from './access.ts'

export const run = promisify(execFile)

/** A user of every Debian and Fedora, so that the tests do not depend on what is installed. */
export const user = 'games'

export const progress = new Progress(realSeam())

export const shell: HostShell = hostShell({
  name: 'here',
  uri: 'qemu:///system',
  acceleration: 'emulate',
  parallel: 1,
  imageCachePath: '/nowhere',
  startInactiveNetworks: false,
  runtimeUser: undefined,
  repairAccess: false,
  login: undefined,
  guest: undefined,
  preparation: noPreparation,
})

/** A folder that only root may enter (mode 0700), for trees, with a configuration and a record of its own. */
export interface TestTree extends AsyncDisposable {
  readonly folder: string
  readonly places: AccessPlaces
  at(...names: readonly string[]): string
  make(...names: readonly string[]): Promise<string>
  check(path: string, need?: AccessNeed, as?: string): Promise<AccessReport>
  repairsFor(path: string, need?: AccessNeed): Promise<readonly AccessRepair[]>
}

export async function openTestTree(): Promise<TestTree> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-access-'))
  const places = { qemuConf: join(folder, 'qemu.conf'), state: join(folder, 'state') }
  const at = (...names: readonly string[]): string => join(folder, 'tree', ...names)
  const check: TestTree['check'] = (path, need = 'search', as = user) =>
    checkAccess(shell, progress, { user: as, needs: [{ path, need }] }, places)
  return {
    folder,
    places,
    at,
    async make(...names) {
      await mkdir(at(...names), { recursive: true })
      return at(...names)
    },
    check,
    repairsFor: async (path, need) => (await check(path, need)).blocked.flatMap((block) => block.repairs),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** All ACLs below a path, as text. */
export const acls = async (path: string): Promise<string> => (await run('getfacl', ['-Rpn', path])).stdout

/** Tries it as the user itself, without our code. */
export async function canDo(test: '-r' | '-w' | '-x', path: string): Promise<boolean> {
  const as = ['--reuid', user, '--regid', user, '--init-groups', 'test', test, path]
  try {
    await run('setpriv', as, { cwd: '/' })
    return true
  } catch {
    return false
  }
}

/** Mounts an empty file system of that type; `undefined` where this machine may not. */
export async function mount(
  type: string,
  { at, make, folder }: TestTree,
): Promise<(AsyncDisposable & { readonly path: string }) | undefined> {
  const path = await make('mounted')
  const image = join(folder, 'image')
  try {
    if (type === 'vfat') {
      await run('truncate', ['-s', '4M', image])
      await run('mkfs.vfat', [image])
      await run('mount', ['-o', 'loop,umask=077', image, path])
    } else await run('mount', ['-t', type, 'vmwright-test', path])
  } catch {
    return undefined
  }
  return { path: at('mounted'), [Symbol.asyncDispose]: async () => void (await run('umount', [path])) }
}

/** The same shell for somebody who may not use sudo. */
export function shellOf(name: string): HostShell {
  return {
    ...shell,
    async run(_, command) {
      if (command.privileged) return { exitCode: 1, stdout: '', stderr: 'sudo: a password is required' }
      const words = ['--reuid', name, '--regid', 'nogroup', '--clear-groups', ...shell.commandLine(command)]
      const child = run('setpriv', words)
      child.child.stdin?.end(command.input)
      return { exitCode: 0, ...(await child) }
    },
  }
}
