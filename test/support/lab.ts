import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { sleepingGuest } from './boot-sector.ts'
import { openPrivateLibvirt, type PrivateLibvirt } from './private-libvirt.ts'
import type { Virsh } from './virsh.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

/**
 * A host for bad days: a libvirt of its own that other people use too, and images that need no time to boot. What
 * the others have bears names like ours.
 */
export interface Lab extends AsyncDisposable {
  readonly space: Workspace
  readonly libvirt: PrivateLibvirt
  readonly virsh: Virsh
  /** Folder of the pool `mine`. */
  readonly pool: string
  /** The parts of a spec that name this host, its images `sleeper` and `blank`, and its network. */
  readonly base: Readonly<Record<string, unknown>>
}

const run = promisify(execFile)

export interface LabOptions {
  /** Folders of the workspace that are small file systems of their own, with their sizes: `24m`. */
  readonly tmpfs?: Readonly<Record<string, string>>
}

export async function openLab(name: string, { tmpfs = {} }: LabOptions = {}): Promise<Lab> {
  const space = await openWorkspace(name)
  const mounted: string[] = []
  const unmount = async (): Promise<void> => {
    for (const path of mounted.splice(0)) await run('umount', ['-l', path])
  }
  try {
    for (const [folder, size] of Object.entries(tmpfs)) {
      const path = join(space.folder, folder)
      await mkdir(path)
      // Before libvirt starts: it and the program must see the same.
      await run('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0711`, 'tmpfs', path])
      mounted.push(path)
    }
    const libvirt = await openPrivateLibvirt(space.folder)
    const { virsh } = libvirt
    await makeImages(space)
    await define(space, virsh, 'net', network('lab', 'vmwlab0'))
    await virsh('net-start', 'lab')
    await settleStrangers(space, virsh)
    const pool = join(space.folder, 'pool')
    return {
      space,
      libvirt,
      virsh,
      pool,
      base: {
        version: 1,
        hosts: {
          local: { uri: libvirt.uri, acceleration: 'emulate', imageCache: join(space.folder, 'image-cache') },
        },
        images: {
          sleeper: { file: './sleeper.qcow2', firmware: 'bios' },
          blank: { file: './blank.qcow2' },
        },
        networks: { lab: { use: 'lab' } },
        pools: { mine: { path: pool } },
      },
      async [Symbol.asyncDispose]() {
        await libvirt[Symbol.asyncDispose]()
        await unmount()
        await space[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await unmount()
    await space[Symbol.asyncDispose]()
    throw error
  }
}

/** Small, and ready as soon as they are started. */
export const quickGuests = {
  image: 'sleeper',
  memory: '128MiB',
  vcpus: 1,
  rootDisk: { size: '512MiB' },
  ready: { rungs: ['started'] },
}

export async function define(
  space: Workspace,
  virsh: Virsh,
  kind: 'net' | 'pool' | '',
  xml: string,
): Promise<void> {
  const path = await space.write('define.xml', xml)
  await virsh(kind === '' ? 'define' : `${kind}-define`, path)
}

export const network = (name: string, bridge: string): string => `<network>
  <name>${name}</name><bridge name='${bridge}'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'><dhcp><range start='192.168.122.2' end='192.168.122.99'/></dhcp></ip>
</network>`

async function makeImages({ folder, write }: Workspace): Promise<void> {
  await write('sector.raw', sleepingGuest())
  const convert = ['convert', '-f', 'raw', '-O', 'qcow2', 'sector.raw', 'sleeper.qcow2']
  await run('qemu-img', convert, { cwd: folder })
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', 'blank.qcow2', '64M'], { cwd: folder })
}

/** Machines, a pool and volumes of others: without a mark, of another project, with names that begin like ours. */
async function settleStrangers(space: Workspace, virsh: Virsh): Promise<void> {
  const folder = join(space.folder, 'theirs')
  await mkdir(folder)
  await define(
    space,
    virsh,
    'pool',
    `<pool type='dir'><name>theirs</name><target><path>${folder}</path></target></pool>`,
  )
  await virsh('pool-start', 'theirs')
  for (const volume of ['one.qcow2', 'one-2.qcow2', 'one-seed.iso'])
    await virsh('vol-create-as', 'theirs', volume, '1M')
  const mark = `<metadata><vmwright:vm xmlns:vmwright='urn:vmwright:vm:1' project='other' instance='one-2'
    stage='provisioned' user='debian'><vmwright:volume role='root' device='vda' pool='theirs' name='one-2.qcow2'/>
    </vmwright:vm></metadata>`
  await define(space, virsh, '', machine('one-2', mark, join(folder, 'one-2.qcow2')))
  await define(space, virsh, '', machine('one-', '', join(folder, 'one.qcow2')))
}

const machine = (name: string, metadata: string, disk: string): string => `<domain type='qemu'>
  <name>${name}</name>${metadata}<memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'><source file='${disk}'/><target dev='vda' bus='virtio'/></disk>
    <interface type='network'><mac address='52:54:00:aa:bb:cc'/><source network='lab'/></interface>
  </devices>
</domain>`
