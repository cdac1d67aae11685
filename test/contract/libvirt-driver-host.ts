import { noPreparation } from '../../packages/vmwright/src/spec/resolved-places.ts'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hypervisor } from '../../packages/vmwright/src/hypervisor/contract.ts'
import { openLibvirtHost } from '../../packages/vmwright/src/hypervisor/libvirt/host.ts'
import { Progress } from '../../packages/vmwright/src/lib/progress.ts'
import { realSeam, type Seam } from '../../packages/vmwright/src/lib/seam.ts'
import type { HostSpec } from '../../packages/vmwright/src/spec/resolved.ts'
import { sweep } from '../support/sweep.ts'
import { linesOf, openVirsh } from '../support/virsh.ts'

/** The libvirt under test; another one than the system's is named in the environment. */
export const uri = process.env['VMWRIGHT_TEST_LIBVIRT'] ?? 'qemu:///system'

export interface TestHost extends AsyncDisposable {
  readonly host: Hypervisor
  readonly progress: Progress
  /** A folder that QEMU's user may enter. */
  readonly folder: string
  /** Begins every name that the test makes in libvirt. */
  readonly prefix: string
}

/**
 * A connection to libvirt, and a folder. Disposal removes the folder and what libvirt has with the prefix, and
 * fails when the test left machines behind.
 */
export async function openTestHost(name: string, seam: Seam = realSeam()): Promise<TestHost> {
  const folder = await mkdtemp(join(process.env['VMWRIGHT_TEST_FOLDER'] ?? '/var/tmp', `vmwright-${name}-`))
  await chmod(folder, 0o711)
  const progress = new Progress(seam)
  const host = await openLibvirtHost(progress, hostSpec())
  await removeWhatWasLeft(`vmwright-test-${name}-`)
  const prefix = `vmwright-test-${name}-${process.pid}-`
  return {
    host,
    progress,
    folder,
    prefix,
    async [Symbol.asyncDispose]() {
      await host.close()
      const leftOver = await names(['list', '--all', '--name'], prefix)
      await sweep(virsh, prefix)
      await rm(folder, { recursive: true, force: true })
      if (leftOver.length > 0) throw new Error(`machines were left behind: ${leftOver.join(', ')}`)
    },
  }
}

/** A run that was killed has left what would be in the way: its networks hold their addresses. */
async function removeWhatWasLeft(beginning: string): Promise<void> {
  const lists = ['list', 'pool-list', 'net-list']
  const found = await Promise.all(lists.map((list) => names([list, '--all', '--name'], beginning)))
  const owners = new Set(found.flat().map((name) => Number.parseInt(name.slice(beginning.length), 10)))
  for (const pid of owners) if (pid > 0 && !isAlive(pid)) await sweep(virsh, `${beginning}${pid}-`)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

export const hostSpec = (overrides: Partial<HostSpec> = {}): HostSpec => ({
  name: 'test',
  uri,
  acceleration: 'emulate',
  parallel: 4,
  imageCachePath: '/nonexistent',
  startInactiveNetworks: false,
  runtimeUser: undefined,
  repairAccess: false,
  login: undefined,
  guest: undefined,
  preparation: noPreparation,
  ...overrides,
})

/** libvirt's own client, as a witness that does not share our code. */
export const virsh = openVirsh(uri)

/** What virsh lists that begins with the prefix. */
export async function names(list: readonly string[], prefix: string): Promise<readonly string[]> {
  return linesOf(await virsh(...list)).filter((line) => line.startsWith(prefix))
}
