import { noPreparation } from '../../packages/vmwright/src/spec/resolved-places.ts'
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Hypervisor } from '../../packages/vmwright/src/hypervisor/contract.ts'
import { openLibvirtHost } from '../../packages/vmwright/src/hypervisor/libvirt/host.ts'
import { Progress } from '../../packages/vmwright/src/lib/progress.ts'
import { realSeam, type Seam } from '../../packages/vmwright/src/lib/seam.ts'
import type { HostSpec } from '../../packages/vmwright/src/spec/resolved.ts'

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
  const prefix = `vmwright-test-${name}-${process.pid}-`
  return {
    host,
    progress,
    folder,
    prefix,
    async [Symbol.asyncDispose]() {
      await host.close()
      const leftOver = await names(['list', '--all', '--name'], prefix)
      for (const vm of leftOver) {
        await virsh('destroy', vm).catch(() => {})
        await virsh('undefine', vm, '--nvram', '--snapshots-metadata')
      }
      for (const pool of await names(['pool-list', '--all', '--name'], prefix)) {
        await virsh('pool-destroy', pool).catch(() => {})
        await virsh('pool-undefine', pool)
      }
      await rm(folder, { recursive: true, force: true })
      if (leftOver.length > 0) throw new Error(`machines were left behind: ${leftOver.join(', ')}`)
    },
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
export async function virsh(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('virsh', ['-q', '-c', uri, ...args], {
    env: { ...process.env, LC_ALL: 'C' },
  })
  return stdout.trim()
}

/** What virsh lists that begins with the prefix. */
export async function names(list: readonly string[], prefix: string): Promise<readonly string[]> {
  const lines = (await virsh(...list)).split('\n').map((line) => line.trim())
  return lines.filter((line) => line.startsWith(prefix))
}
