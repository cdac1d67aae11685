import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { RuleSet } from '../../packages/vmwright/src/hypervisor/host/rules.ts'
import { hostShell, type HostShell } from '../../packages/vmwright/src/hypervisor/libvirt/host-shell.ts'
import { hostRules } from '../../packages/vmwright/src/hypervisor/libvirt/system/rules/rules.ts'
import { runProgram } from '../../packages/vmwright/src/lib/process.ts'
import { Progress } from '../../packages/vmwright/src/lib/progress.ts'
import { realSeam } from '../../packages/vmwright/src/lib/seam.ts'
import type { HostSpec } from '../../packages/vmwright/src/spec/resolved.ts'
import { openPrivateLibvirt, type PrivateLibvirt, whyNoPrivateLibvirt } from '../support/private-libvirt.ts'

const run = promisify(execFile)
const progress = new Progress(realSeam())
const whyNot =
  whyNoPrivateLibvirt() ?? (existsSync('/usr/sbin/nft') ? undefined : 'nftables is not installed')

const rules: RuleSet = {
  project: 'demo',
  network: 'vw-hooked',
  bridge: 'vw-hooked',
  subnets: ['10.77.1.0/24'],
  outside: undefined,
  masquerade: true,
  to: [],
  from: [],
}

const network = `<network><name>vw-hooked</name><forward mode='open'/><bridge name='vw-hooked'/>
  <ip address='10.77.1.1' netmask='255.255.255.0'/><ip family='ipv6' address='fd77:1::1' prefix='64'/></network>`

let folder: string
let libvirt: PrivateLibvirt
beforeEach(async ({ skip }) => {
  skip(whyNot !== undefined, whyNot)
  folder = await mkdtemp(join(tmpdir(), 'vmwright-hook-'))
  libvirt = await openPrivateLibvirt(folder)
})
afterEach(async () => {
  await libvirt?.[Symbol.asyncDispose]()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

/** The shell of a host whose libvirt is that one. */
function shellInside({ uri, inside }: PrivateLibvirt): HostShell {
  const outer = hostShell({ name: 'here', uri } satisfies Partial<HostSpec> as HostSpec)
  const commandLine: HostShell['commandLine'] = (command) => [...inside, ...outer.commandLine(command)]
  return {
    ...outer,
    commandLine,
    run: (_, command) => {
      const [program, ...words] = commandLine(command)
      return runProgram(program, words, { onLine: command.onLine ?? (() => {}) })
    },
  }
}

it('K6: rules come and go with their network, come back after a restart of the host, and leave nothing', async () => {
  const inside = async (command: string): Promise<string> =>
    (await run(libvirt.inside[0], [...libvirt.inside.slice(1), 'sh', '-c', command])).stdout
  const places = { rules: join(folder, 'vmwright/rules'), hooks: '/etc/libvirt/hooks' }
  const state = () =>
    inside(`nft list ruleset; find /etc/libvirt/hooks ${folder}/vmwright -printf '%p %m %s\\n' 2>&1; true`)
  const own = hostRules(shellInside(libvirt), places)
  const isActive = async () => (await own.read(progress))[0]?.active

  await writeFile(join(folder, 'network.xml'), network)
  await libvirt.virsh('net-define', join(folder, 'network.xml'))
  const forwarding = () => inside('cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding')
  // A new namespace has what the machine has.
  await inside('echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding')
  await libvirt.virsh('net-start', 'vw-hooked')
  // libvirt switches forwarding on by itself, in mode `open` too, and makes empty chains of its own.
  expect(await forwarding()).toBe('1\n1\n')
  await libvirt.virsh('net-destroy', 'vw-hooked')
  const before = await state()

  await own.apply(progress, rules)
  await libvirt.virsh('net-start', 'vw-hooked')
  expect(await own.read(progress)).toMatchObject([{ active: true, persistent: true }])

  // Its daemon has looked for hooks when it was started: until it starts again the rules stay in force.
  await libvirt.virsh('net-destroy', 'vw-hooked')
  expect(await isActive()).toBe(true)
  await libvirt.stop()
  await libvirt.start()
  expect(await isActive()).toBe(true)
  await libvirt.virsh('net-start', 'vw-hooked')
  await libvirt.virsh('net-destroy', 'vw-hooked')
  expect(await isActive()).toBe(false)
  await libvirt.virsh('net-start', 'vw-hooked')
  expect(await isActive()).toBe(true)

  // A restart of the daemon alone leaves network and rules as they are.
  await libvirt.stop()
  await libvirt.start()
  expect(await isActive()).toBe(true)

  // What a start of the host does: no rules, no bridge, and the daemon starts the network.
  await libvirt.virsh('net-autostart', 'vw-hooked')
  await libvirt.virsh('net-destroy', 'vw-hooked')
  await libvirt.stop()
  await inside('nft flush ruleset')
  await inside('rm -f /run/libvirt/network/autostarted')
  await libvirt.start()
  await expect.poll(isActive, { timeout: 20_000 }).toBe(true)

  // A network whose rules cannot be loaded does not start: it would be open to everybody.
  await libvirt.virsh('net-destroy', 'vw-hooked')
  await inside(`sed -i 's/^table inet/tabel inet/' ${places.rules}/*.nft`)
  await expect(libvirt.virsh('net-start', 'vw-hooked')).rejects.toThrow(/hook/i)

  await libvirt.virsh('net-autostart', '--disable', 'vw-hooked')
  await own.remove(progress, rules)
  expect(await state()).toBe(before)
})
