import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { linesOf, type Virsh } from './virsh.ts'

/** Where disks of machines go that name no pool. Their pool goes with the last of them, files of a killed run may stay. */
const instances = '/var/lib/libvirt/images/vmwright/instances'

/** Removes what libvirt has under names with this prefix: what a test made, or what a run that was killed left. */
export async function sweep(virsh: Virsh, prefix: string): Promise<void> {
  const named = async (...list: readonly string[]): Promise<readonly string[]> =>
    linesOf(await virsh(...list)).filter((name) => name.startsWith(prefix))
  for (const name of await named('list', '--all', '--name')) {
    await virsh('destroy', name).catch(() => {})
    await virsh('undefine', name, '--nvram', '--snapshots-metadata', '--managed-save').catch(() => {})
  }
  for (const file of await readdir(instances).catch(() => []))
    if (file.startsWith(prefix)) await rm(join(instances, file), { force: true })
  await virsh('pool-refresh', 'vmwright-instances').catch(() => {})
  for (const name of await named('pool-list', '--all', '--name')) {
    await virsh('pool-destroy', name).catch(() => {})
    await virsh('pool-undefine', name).catch(() => {})
  }
  for (const name of await named('net-list', '--all', '--name')) {
    await virsh('net-destroy', name).catch(() => {})
    await virsh('net-undefine', name).catch(() => {})
  }
}
