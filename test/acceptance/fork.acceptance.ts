import { afterAll, beforeAll, expect, it } from 'vitest'
import { sweep } from '../support/sweep.ts'
import { openVirsh } from '../support/virsh.ts'
import { openWorkspace, type Workspace } from '../support/workspace.ts'

/** A real Debian guest, booted once, forked three times. */
const virsh = openVirsh('qemu:///system')
const prefix = 'vmwright-forks-'
const original = `${prefix}web`
const forks = [1, 2, 3].map((number) => `${original}-fork-${number}`)
let space: Workspace

const spec = `version: 1
project: acceptance-forks
hosts:
  local: { uri: "qemu:///system", acceleration: prefer-kvm }
images:
  built: { build: { distribution: debian, suite: bookworm } }
defaults: { image: built, memory: 512MiB, snapshot: false }
instances:
  ${original}: {}
`

const clean = async (): Promise<void> => {
  await space.vmwright(['fork', '--remove', '--yes'])
  await space.vmwright(['destroy', '--disks', '--yes'])
}

beforeAll(async () => {
  space = await openWorkspace('forks')
  await space.write('vmwright.yaml', spec)
  await clean()
  await sweep(virsh, prefix)
  const { code, stderr } = await space.vmwright(['apply'])
  if (code !== 0) throw new Error(stderr)
})
afterAll(async () => {
  if (space === undefined) return
  await clean()
  await sweep(virsh, prefix)
  await space[Symbol.asyncDispose]()
})

interface Audited {
  readonly distinct: boolean
  readonly guests: readonly {
    readonly name: string
    readonly facts: { readonly hostname: readonly string[] }
  }[]
  readonly missing: readonly unknown[]
}

const audit = async (): Promise<Audited> => {
  const { code, stdout, stderr } = await space.vmwright(['audit', '--all', '--json', '--timeout', '5m'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) })
  return JSON.parse(stdout) as Audited
}

it('X9: three forks of a booted guest are machines of their own, also after a restart', async () => {
  const { code, stderr } = await space.vmwright(['fork', original, '--count', '3'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) })

  const audited = await audit()
  expect(audited.missing).toEqual([])
  expect(audited.distinct).toBe(true)
  expect(audited.guests.map(({ name, facts }) => [name, ...facts.hostname])).toEqual(
    [original, ...forks].map((name) => [name, name]),
  )

  for (const name of forks) {
    const hostname = await space.vmwright(['ssh', name, '--', 'hostname'])
    expect(hostname.stdout.trim()).toBe(name)
    expect(await virsh('dumpxml', '--inactive', name)).not.toContain('qemu:commandline')
  }

  // The power is cut and comes back: an ordinary machine, with the identity that it was given.
  const [first = ''] = forks
  const before = (await space.vmwright(['ssh', first, '--', 'cat /etc/machine-id'])).stdout
  await space.vmwright(['ssh', first, '--', 'sync'])
  await virsh('destroy', first)
  await virsh('start', first)
  await expect
    .poll(async () => (await space.vmwright(['ssh', first, '--', 'cat /etc/machine-id'])).stdout, {
      timeout: 600_000,
      interval: 5_000,
    })
    .toBe(before)
  expect((await audit()).distinct).toBe(true)
})

it('X9: removed forks leave nothing, and the original runs on', async () => {
  expect((await space.vmwright(['fork', '--remove', '--yes'])).code).toBe(0)
  const machines = await virsh('list', '--all', '--name')
  expect(machines).toContain(original)
  for (const name of forks) expect(machines).not.toContain(name)
  expect(await virsh('vol-list', 'vmwright-instances')).not.toContain('-fork-')
  expect((await space.vmwright(['ssh', original, '--', 'hostname'])).stdout.trim()).toBe(original)
})
