import { join } from 'node:path'
import { describeHypervisor } from '../../packages/vmwright/src/hypervisor/conformance.ts'
import { openTestHost } from './libvirt-driver-host.ts'

describeHypervisor('libvirt with QEMU', async () => {
  const test = await openTestHost('conformance')
  const { host, progress, folder, prefix } = test
  const cleanup = async () => await test[Symbol.asyncDispose]()
  return { host, progress, poolPath: join(folder, 'pool'), prefix, cleanup }
})
