import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Lab, openLab, quickGuests } from '../support/lab.ts'
import { whyNoPrivateLibvirt } from '../support/private-libvirt.ts'
import { jsonRun, mutationsOf, requireCode } from '../support/program.ts'
import { linesOf } from '../support/virsh.ts'

/** Clusters on bad days, on a libvirt of their own, of guests that need no time to boot. */
const unavailable = whyNoPrivateLibvirt()
const run = promisify(execFile)
let lab: Lab

beforeAll(async () => {
  if (unavailable === undefined) lab = await openLab('clusters')
})
afterAll(() => lab?.[Symbol.asyncDispose]())
beforeEach(({ skip }) => skip(unavailable !== undefined, unavailable))

interface Cluster {
  readonly project: string
  readonly third: number
  readonly count?: number
  readonly network?: Readonly<Record<string, unknown>>
}

/** A spec of its own for each cluster, in `<project>.yaml`. */
async function cluster({ project, third, count = 2, network = {} }: Cluster): Promise<readonly string[]> {
  const name = `vmwlab-${project}`
  await lab.space.spec(`${project}.yaml`, {
    ...lab.base,
    project,
    networks: {
      nodes: {
        mode: 'nat',
        name,
        bridge: `${name}0`.slice(0, 15),
        ipv4: { address: `10.215.${third}.1/24`, dhcp: true },
        domain: `${project}.test`,
        forwarding: { from: ['10.215.200.0/24'] },
        ...network,
      },
    },
    pools: { nodes: { path: join(lab.space.folder, `pool-${project}`), name } },
    defaults: { ...quickGuests, network: 'nodes', pool: 'nodes' },
    instances: { [project]: { count, address: `10.215.${third}.11/24` } },
  })
  return ['-f', `${project}.yaml`]
}

const vmwright = (...args: readonly string[]) => lab.space.vmwright(args)

async function ok(...args: readonly string[]): Promise<string> {
  return requireCode(await vmwright(...args)).stdout
}

const rulesOf = async (project: string): Promise<readonly string[]> =>
  linesOf((await run('nft', ['list', 'tables'])).stdout).filter((line) => line.includes(project))

it('K11, X4: nothing is left after any of 20 removals, also of what a kill left half made', async () => {
  const spec = await cluster({ project: 'twenty', third: 1 })
  const remove = async (): Promise<void> =>
    expect(await ok('destroy', ...spec, '--disks', '--yes', '--verify')).toContain('nothing is left')
  // The first run brings the image into its pool, which stays; the others have less to do.
  let effects = 0
  for (let round = 0; round < 2; round++) {
    effects = mutationsOf(jsonRun(await vmwright('apply', ...spec, '--json')))
    await remove()
  }
  let killed = 0
  for (let round = 1; round <= 18; round++) {
    const point = Math.round((round * effects) / 18)
    const when = round % 2 === 0 ? 'before' : 'after'
    const { signal } = await lab.space.vmwright(['apply', ...spec], {
      VMWRIGHT_FAULT: `kill:${when}:${point}`,
    })
    if (signal === 'SIGKILL') killed++
    await remove()
  }
  // A slow guest is asked to shut down more than once, so that a run may have some effects less than the one before.
  expect(killed).toBeGreaterThan(14)
  expect(await rulesOf('twenty')).toEqual([])
})

it('K11: two clusters on one host, one removed while the other serves', async () => {
  const [red, blue] = [
    await cluster({ project: 'red', third: 2 }),
    await cluster({ project: 'blue', third: 3 }),
  ]
  await Promise.all([
    ok('apply', ...red, '--lock-timeout', '120s'),
    ok('apply', ...blue, '--lock-timeout', '120s'),
  ])
  const blueRules = await rulesOf('blue')
  expect(blueRules).not.toEqual([])
  await ok('destroy', ...red, '--disks', '--yes', '--verify')
  expect(await rulesOf('red')).toEqual([])
  expect(await rulesOf('blue')).toEqual(blueRules)
  expect(linesOf(await lab.virsh('list', '--name'))).toEqual(expect.arrayContaining(['blue-1', 'blue-2']))
  expect(await ok('plan', ...blue, '--detailed-exitcode')).toContain('Nothing to do')
  await ok('destroy', ...blue, '--disks', '--yes', '--verify')
})

it('K4: a change that needs a restart of the network is told and not done unasked', async () => {
  await ok('apply', ...(await cluster({ project: 'grow', third: 4 })))
  const changed = await cluster({ project: 'grow', third: 4, network: { mtu: 1400 } })
  const told = await vmwright('plan', ...changed)
  expect(told.stdout + told.stderr).toMatch(/grow-1[\s\S]*grow-2|--restart-network/)
  await vmwright('apply', ...changed)
  expect(await lab.virsh('net-dumpxml', 'vmwlab-grow')).not.toContain("mtu size='1400'")
  await ok('apply', ...changed, '--restart-network', 'nodes')
  expect(await lab.virsh('net-dumpxml', 'vmwlab-grow')).toContain("mtu size='1400'")
  expect(await ok('plan', ...changed, '--detailed-exitcode')).toContain('Nothing to do')
  await ok('destroy', ...changed, '--disks', '--yes', '--verify')
})

it('K8, K12: one of more machines is added to the reservations of the running network, and taken away again', async () => {
  const spec = await cluster({ project: 'more', third: 5, count: 1 })
  await ok('apply', ...spec)
  await cluster({ project: 'more', third: 5, count: 3 })
  await ok('apply', ...spec)
  const live = await lab.virsh('net-dumpxml', 'vmwlab-more')
  for (const name of ['more-1', 'more-2', 'more-3']) expect(live).toContain(`name='${name}'`)
  await ok('destroy', ...spec, '--disks', '--yes', '--verify')
})

it.each([
  [
    'the range of a network of the host',
    { ipv4: { address: '10.215.6.1/24', dhcp: true } },
    'network.conflict',
  ],
  ['the bridge of another network', { bridge: 'vmwlab0' }, 'network.conflict'],
  ['the name of another network', { name: 'lab' }, 'network.conflict'],
])('K4: %s is refused before anything is done', async (_what, network, code) => {
  await run('ip', ['link', 'add', 'vmwlabx', 'type', 'bridge'])
  try {
    await run('ip', ['address', 'add', '10.215.0.1/16', 'dev', 'vmwlabx'])
    const spec = await cluster({ project: 'refused', third: 6, network })
    const refused = await vmwright('apply', ...spec, '--json')
    expect(refused.code).not.toBe(0)
    expect(jsonRun(refused).result.findings).toEqual(
      expect.arrayContaining([expect.objectContaining({ code })]),
    )
    expect(linesOf(await lab.virsh('list', '--all', '--name'))).not.toContain('refused-1')
    expect(linesOf(await lab.virsh('net-list', '--all', '--name'))).not.toContain('vmwlab-refused')
  } finally {
    await run('ip', ['link', 'delete', 'vmwlabx'])
  }
})

it('K12: a host that is down does not stop the others, and the result says so', async () => {
  await mkdir(join(lab.space.folder, 'inventory/host_vars'), { recursive: true })
  await lab.space.spec('two.yaml', {
    ...lab.base,
    project: 'two',
    hosts: {
      ...(lab.base['hosts'] as object),
      gone: { uri: 'qemu+ssh://root@127.0.0.1:1/system', acceleration: 'emulate' },
    },
    defaults: { ...quickGuests, pool: 'mine', network: 'lab' },
    instances: { here: { host: 'local' }, there: { host: 'gone' } },
  })
  const { code, stdout } = await vmwright('apply', '-f', 'two.yaml', '--json')
  expect(code).not.toBe(0)
  const { result } = jsonRun({ stdout })
  expect(result.instances.find(({ name }) => name === 'here')).toMatchObject({ state: 'running' })
  expect(result.changes.find(({ instance }) => instance === 'there')).toMatchObject({ action: 'blocked' })
  await vmwright('destroy', '-f', 'two.yaml', '--disks', '--yes', '--verify')
  expect(linesOf(await lab.virsh('list', '--all', '--name'))).not.toContain('here')
})

it('K12: hosts come from an Ansible inventory, each with its own variables', async () => {
  const uri = (lab.base['hosts'] as { readonly local: { readonly uri: string } }).local.uri
  await mkdir(join(lab.space.folder, 'racks/host_vars'), { recursive: true })
  await writeFile(join(lab.space.folder, 'racks/hosts.ini'), '[kvm]\nrack1 ansible_connection=local\n')
  await writeFile(
    join(lab.space.folder, 'racks/host_vars/rack1.yml'),
    JSON.stringify({
      vmwright: { uri, acceleration: 'emulate', imageCache: join(lab.space.folder, 'image-cache') },
    }),
  )
  const { hosts: _hosts, ...rest } = lab.base
  await lab.space.spec('racks.yaml', {
    ...rest,
    project: 'racks',
    hostInventory: { file: './racks', group: 'kvm' },
    defaults: { ...quickGuests, pool: 'mine', network: 'lab' },
    instances: { racked: {} },
  })
  await ok('apply', '-f', 'racks.yaml')
  expect(linesOf(await lab.virsh('list', '--name'))).toContain('racked')
  await ok('destroy', '-f', 'racks.yaml', '--disks', '--yes', '--verify')
})
