import { describe, expect, it } from 'vitest'
import { openFakeHost } from '../hypervisor/fake/fake-host.ts'
import { createFakePool, createFakeWorld } from '../hypervisor/fake/world.ts'
import { ProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { repairsOf } from '../plan/access.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { hostSpec, instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { explainAccess } from './explain-access.ts'
import { checkHosts, grantedOnHosts, repairHosts, undoHosts } from './host-access.ts'

const pools = [
  { id: 'instances', kind: 'path', name: 'default', path: '/data/vms', permissions: undefined },
] as const

function bench() {
  const seam = createFakeSeam()
  const world = createFakeWorld({
    pools: { default: createFakePool('/data/vms') },
    access: {
      user: 'libvirt-qemu',
      denied: [{ path: '/data', permissions: '--x' }],
      repairs: [],
      confined: ['/etc/gold.qcow2'],
    },
  })
  const hosts = [hostSpec()]
  return {
    world,
    progress: new Progress(seam),
    options: {
      spec: resolvedSpec([instanceSpec('web')], { hosts, pools }),
      hosts,
      services: { openHost: async () => openFakeHost(world, seam) },
    },
  }
}

describe('access on the hosts of a spec', () => {
  it('T9: is checked for what the instances need and for further paths, as the user that is asked for', async () => {
    const { progress, options } = bench()
    const paths = ['/data/vms', '/etc/gold.qcow2']
    const [local] = await checkHosts(progress, { ...options, user: 'ann', paths })
    expect(local?.report.user).toBe('ann')
    expect(local?.needs.filter(({ path }) => paths.includes(path))).toEqual([
      { path: '/data/vms', need: 'search' },
      { path: '/etc/gold.qcow2', need: 'read' },
    ])
    expect(local?.findings.map(({ severity, code }) => [severity, code])).toEqual([
      ['error', 'host.access-denied'],
      ['warning', 'host.access-denied'],
    ])
  })

  it('T9, K8: is checked on each host that an instance may go to', async () => {
    const { world, progress, options } = bench()
    const web = { ...instanceSpec('web'), host: 'elsewhere' }
    const needs = async (instance: InstanceSpec) => {
      const spec = resolvedSpec([instance], { hosts: options.hosts, pools })
      const [local] = await checkHosts(progress, { ...options, spec, user: undefined, paths: [] })
      return local?.needs.map(({ path }) => path)
    }
    expect(await needs(web)).toEqual([])
    const hosts = ['elsewhere', world.host] as const
    expect(await needs({ ...web, placement: { hosts, by: 'spread', group: 'apart' } })).toContain('/data/vms')
  })

  it('T9: is repaired, listed, and taken back', async () => {
    const { progress, options } = bench()
    const look = async () => checkHosts(progress, { ...options, user: undefined, paths: [] })
    const wanted = (await look()).map(({ host, report }) => ({ host, repairs: repairsOf(report.blocked) }))
    const given = { path: '/data', user: 'libvirt-qemu', permissions: '--x' }
    expect(wanted).toEqual([{ host: 'fake', repairs: [given] }])

    await repairHosts(progress, options, wanted)
    expect((await look()).flatMap(({ report }) => report.blocked)).toEqual([])
    expect(await grantedOnHosts(progress, options)).toEqual([{ host: 'fake', repairs: [given] }])

    await undoHosts(progress, options)
    expect((await look()).flatMap(({ report }) => report.blocked)).toHaveLength(1)
    expect(await grantedOnHosts(progress, options)).toEqual([{ host: 'fake', repairs: [] }])
  })
})

describe('explainAccess', () => {
  const denied = new ProvisionError('host.operation-failed', {
    message: "Could not start machine web: Could not open '/data/vms/web.qcow2': Permission denied",
    details: { libvirtCode: 1 },
  })
  const request = async () => ({ user: undefined, needs: [{ path: '/data/vms', need: 'search' as const }] })

  it('T9: makes of a denied permission the folder that is in the way', async () => {
    const { progress, options } = bench()
    const { files } = await options.services.openHost()
    const found = await explainAccess(progress, files, { error: denied, request })
    expect(found).toMatchObject({
      code: 'host.access-denied',
      message: `${denied.message}. The user libvirt-qemu, who runs the guests, cannot get into /data, and so does not reach /data/vms.`,
      hint: 'On the host: setfacl -m u:libvirt-qemu:--x /data',
      details: { libvirtCode: 1 },
    })
  })

  it('T9: has nothing to say about other failures, or where nobody can look', async () => {
    const { world, progress, options } = bench()
    const { files } = await options.services.openHost()
    const other = new Error('no space left')
    expect(await explainAccess(progress, files, { error: other, request })).toBeUndefined()
    const gone = () => Promise.reject(new Error('the connection broke'))
    expect(await explainAccess(progress, files, { error: denied, request: gone })).toBeUndefined()
    world.capabilities = { ...world.capabilities, noShell: 'it is reached over TLS' }
    expect(await explainAccess(progress, files, { error: denied, request })).toBeUndefined()
  })
})
