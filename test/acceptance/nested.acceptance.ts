import type { InstanceStatus } from '@vmwright/contract'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type LifecycleStory, readStory } from '../support/lifecycle-story.ts'
import { smallLinux, smallReady, whyNoSmallLinux } from '../support/small-linux.ts'
import { sweep } from '../support/sweep.ts'
import { linesOf, openVirsh } from '../support/virsh.ts'
import { openWorkspace, type Workspace } from '../support/workspace.ts'

/**
 * A guest with libvirt and QEMU of its own, and a guest in it that runs commands, in one run. The outer one is emulated
 * everywhere. QEMU emulates the virtualisation of AMD's processors too, so the inner one has KVM there, which is not
 * only what people have, but spares it to be emulated by an emulated QEMU: that takes ten times as long.
 */
const virsh = openVirsh('qemu:///system')
const outer = 'vmwright-nest'
const inner = 'inside'
const whyNot = whyNoSmallLinux()

let space: Workspace

beforeAll(async () => {
  if (whyNot !== undefined) return
  await sweep(virsh, outer)
  space = await openWorkspace('nested')
})
beforeEach(({ skip }) => skip(whyNot !== undefined, whyNot))
afterAll(async () => {
  await space?.vmwright(['destroy', outer, '--disks', '--yes'])
  await sweep(virsh, outer)
  await space?.[Symbol.asyncDispose]()
})

/** What makes a hypervisor of the small Linux, on which nothing is configured. */
const packages = [
  'libvirt0',
  'libvirt-daemon',
  'libvirt-daemon-driver-qemu',
  'libvirt-clients',
  'qemu-system-x86',
  'qemu-system-common',
  'qemu-system-data',
  'qemu-utils',
  'seabios',
  'ipxe-qemu',
  'dnsmasq-base',
  'iptables',
  'iproute2',
  'kmod',
]

const startLibvirt = [
  {
    name: 'Configure libvirt',
    shell: `
      for name in iptables ip6tables iptables-save ip6tables-save; do ln -sf xtables-nft-multi /usr/sbin/$name; done
      echo libvirt-qemu:x:64055:64055::/var/lib/libvirt:/bin/false >>/etc/passwd
      echo libvirt-qemu:x:64055: >>/etc/group
      mkdir -p /etc/libvirt /var/log/libvirt /var/lib/libvirt /var/lock
      printf '%s\\n' 'auth_unix_rw = "none"' >/etc/libvirt/libvirtd.conf
      printf '%s\\n' 'user = "root"' 'group = "root"' 'security_driver = "none"' 'stdio_handler = "file"' \\
        'namespaces = []' 'cgroup_controllers = []' 'remember_owner = 0' >/etc/libvirt/qemu.conf`,
  },
  {
    name: 'Start libvirt',
    shell: 'modprobe -a tun bridge kvm-amd; libvirtd --daemon </dev/null >/dev/null 2>&1',
  },
  { wait: { command: 'virsh -q -c qemu:///system version' }, timeout: '3m' },
]

const writeSpec = async (): Promise<string> =>
  space.spec('vmwright.yaml', {
    version: 1,
    project: 'acceptance-nested',
    hosts: {
      local: { acceleration: 'emulate' },
      nest: { guest: outer },
    },
    images: {
      hypervisor: await smallLinux({ packages, size: '2G' }),
      small: await smallLinux(),
    },
    networks: {
      default: { use: 'default' },
      within: { mode: 'isolated', ipv4: { address: '10.214.77.1/24', dhcp: true } },
    },
    defaults: { vcpus: 1, snapshot: false },
    instances: {
      [outer]: {
        host: 'local',
        image: 'hypervisor',
        memory: '1GiB',
        rootDisk: { size: '3GiB' },
        interfaces: [{ network: 'default' }],
        ready: smallReady,
        lifecycle: {
          phases: {
            init: startLibvirt,
            terminate: ['virsh -q -c qemu:///system list --all >/root/machines', { fetch: '/root/machines' }],
          },
        },
      },
      [inner]: {
        host: 'nest',
        memory: '160MiB',
        rootDisk: { size: '512MiB' },
        interfaces: [{ network: 'within' }],
        image: 'small',
        ready: { ...smallReady, timeouts: { address: '5m' } },
        // It goes with the disk of the outer guest, so nothing of it is kept.
        lifecycle: {
          skip: ['create-clean', 'create-init'],
          connection: { timeout: '3m' },
          phases: {
            main: [
              'hostname >/root/story; ip -4 -o address show eth0 | tr -s " " | cut -d " " -f 4 >>/root/story',
              'dmesg | grep -o "Hypervisor detected: .*" >>/root/story',
              { fetch: '/root/story' },
            ],
          },
        },
      },
    },
  })

async function live(): Promise<LifecycleStory> {
  const ended = await space.vmwright(['run', '--json'])
  return readStory(space.folder, ended)
}

const spanOf = (story: LifecycleStory, guest: string, action: string): { from: number; to: number } => {
  const found = story.guest(guest).actions.find((each) => each.action === action)
  if (found === undefined) throw new Error(`${guest} has no ${action}`)
  return { from: found.startedAtMs, to: found.startedAtMs + found.durationMs }
}

/** The outer guest is there before the inner one, which is reached through it, and until that is off. */
async function expectNested(story: LifecycleStory): Promise<void> {
  expect(story.outcomes).toEqual([
    [outer, 'passed'],
    [inner, 'passed'],
  ])
  expect(story.ended.code).toBe(0)
  // Of the network that the outer guest alone has.
  expect(linesOf(await story.fetched(inner, 'story'))).toEqual([
    inner,
    expect.stringMatching(/^10\.214\.77\.\d+\/24$/),
    'Hypervisor detected: KVM',
  ])
  expect(spanOf(story, inner, 'create').from).toBeGreaterThanOrEqual(spanOf(story, outer, 'connect').to)
  expect(spanOf(story, outer, 'terminate').from).toBeGreaterThanOrEqual(spanOf(story, inner, 'shutdown').to)
  expect(linesOf(await story.fetched(outer, 'machines'))).toEqual([
    expect.stringMatching(/inside\s+shut off$/),
  ])
  expect(await virsh('domstate', outer)).toBe('shut off')
  expect(await virsh('list', '--all', '--name')).not.toContain(inner)
}

describe('a guest that is a hypervisor', () => {
  it('G9: is provisioned with its guest in one run, which is reached through it, and shut down after it', async () => {
    await writeSpec()
    const story = await live()
    await expectNested(story)
    expect(spanOf(story, inner, 'create').from).toBeGreaterThanOrEqual(spanOf(story, outer, 'init').to)
  })

  it('G9: comes from the cache with its libvirt running, and its guest is made in it anew', async () => {
    const story = await live()
    await expectNested(story)
    const restored = story.guest(outer).actions.find(({ action }) => action === 'restore-init')
    expect(restored).toMatchObject({ status: 'cached', because: expect.stringContaining('with its memory') })
  })

  it('G9: is off with its guest afterwards, which `status` says, and `destroy` removes both', async () => {
    const told = await space.vmwright(['status', '--json'])
    expect(told.code).toBe(0)
    const states = new Map(
      (JSON.parse(told.stdout) as readonly InstanceStatus[]).map((each) => [each.name, each]),
    )
    expect(states.get(outer)).toMatchObject({ state: 'stopped' })
    expect(states.get(inner)).toMatchObject({ state: 'unknown', offWith: outer })

    const removed = await space.vmwright(['destroy', '--disks', '--yes'])
    expect(removed).toMatchObject({ code: 0, stdout: expect.stringContaining(`${outer}, ${inner}`) })
    expect(await virsh('list', '--all', '--name')).not.toContain(outer)
    expect((await space.vmwright(['status'])).code).toBe(0)
  })
})
