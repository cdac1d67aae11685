import { join } from 'node:path'
import { expect } from 'vitest'
import { describeHypervisor } from '../../packages/vmwright/src/hypervisor/conformance.ts'
import { names, openTestHost } from './libvirt-driver-host.ts'

describeHypervisor('libvirt with QEMU', async () => {
  const test = await openTestHost('conformance')
  const { host, progress, folder, prefix } = test
  return {
    host,
    progress,
    poolPath: join(folder, 'pool'),
    prefix,
    async cleanup() {
      expect(await names(['list', '--all', '--name'], prefix)).toEqual([])
      await test[Symbol.asyncDispose]()
    },
  }
})
