import { describe, expect, it } from 'vitest'
import { parseNetwork } from './networks/network-read.ts'
import type { PoolDefinition } from '../contract.ts'
import { isOurPool, ownGroupPoolId, parsePoolPath, poolId, poolXml } from './pool-xml.ts'
import { parseSnapshot, snapshotXml } from './snapshot-xml.ts'
import { parseVolume, volumeXml } from './volume-xml.ts'

describe('pools', () => {
  it('K3: the UUID follows from name and path', () => {
    const pool = { name: 'guests', path: '/srv/guests' }
    expect(poolXml(pool)).toBe(poolXml({ ...pool }))
    expect(poolXml(pool)).not.toBe(poolXml({ ...pool, path: '/srv/other' }))
    expect(parsePoolPath(poolXml(pool))).toBe('/srv/guests')
  })

  it.each<[string, PoolDefinition]>([
    ['dir', { name: 'guests', path: '/srv/guests', permissions: { mode: 0o770, owner: 0, group: 64_055 } }],
    [
      'logical',
      {
        name: 'fast',
        path: '/dev/vg0',
        source: { kind: 'logical', volumeGroup: 'vg0', devices: ['/dev/sdb', '/dev/sdc'] },
      },
    ],
    [
      'netfs',
      {
        name: 'share',
        path: '/srv/share',
        source: { kind: 'netfs', server: 'nas.example', folder: '/export/a&b', format: 'nfs' },
      },
    ],
  ])('K3: a %s pool is defined with what it is made of', async (kind, pool) => {
    await expect(poolXml(pool)).toMatchFileSnapshot(`golden/pool-${kind}.xml`)
    expect(parsePoolPath(poolXml(pool))).toBe(pool.path)
  })

  it('K3: a pool is ours with a volume group of its own or of somebody else', () => {
    const pool = { name: 'fast', path: '/dev/vg0' }
    expect([poolId(pool), ownGroupPoolId(pool)].map((id) => isOurPool(id, pool))).toEqual([true, true])
    expect(isOurPool(poolId({ ...pool, name: 'other' }), pool)).toBe(false)
  })

  it('a pool without a folder has no path', () => {
    expect(parsePoolPath(`<pool type='rbd'><name>ceph</name><target/></pool>`)).toBeUndefined()
  })
})

describe('volumes', () => {
  it('an overlay names the format of its base', async () => {
    const shape = { name: 'web-1.qcow2', capacityBytes: 1 << 30, format: 'qcow2', mode: '0600' } as const
    const backing = { path: '/srv/images/debian.qcow2', format: 'qcow2' }
    await expect(volumeXml({ ...shape, backing })).toMatchFileSnapshot('golden/overlay.xml')
  })

  it('are read as libvirt describes them', () => {
    const xml = `<volume type='file'><name>a.qcow2</name><key>/srv/a.qcow2</key><capacity unit='bytes'>1073741824</capacity>
      <allocation unit='bytes'>200704</allocation><target><path>/srv/a.qcow2</path><format type='qcow2'/></target>
      <backingStore><path>/srv/base.qcow2</path><format type='qcow2'/></backingStore></volume>`
    expect(parseVolume(xml)).toEqual({
      name: 'a.qcow2',
      path: '/srv/a.qcow2',
      capacityBytes: 1 << 30,
      allocationBytes: 200_704,
      format: 'qcow2',
      backingPath: '/srv/base.qcow2',
    })
  })
})

describe('networks', () => {
  it.each([
    [`<ip address='192.168.122.1' netmask='255.255.255.0'><dhcp/></ip>`, ['192.168.122.0/24'], true],
    [`<ip address='10.11.12.13' prefix='20'/>`, ['10.11.0.0/20'], false],
    [`<ip address='200.1.2.3' netmask='255.255.255.252'/>`, ['200.1.2.0/30'], false],
    [`<ip family='ipv6' address='fd00:7::1' prefix='64'/>`, ['fd00:7::/64'], false],
    [`<bridge name='br0'/>`, [], false],
  ])('%s serves %j', (inner, subnets, hasDhcp) => {
    expect(parseNetwork(`<network><name>n</name>${inner}</network>`)).toMatchObject({ subnets, hasDhcp })
  })
})

describe('snapshots', () => {
  it('an external one names its overlays, and what it leaves alone', async () => {
    const overlays = [{ device: 'vda', path: '/srv/web-1.clean.vda.qcow2' }]
    const xml = snapshotXml({ name: 'clean', description: 'a < b' }, overlays, ['sda'])
    await expect(xml).toMatchFileSnapshot('golden/external-snapshot.xml')
    expect(parseSnapshot(xml)).toMatchObject({ name: 'clean', description: 'a < b', overlays, bases: {} })
  })

  it('what the disks were is read from the domain inside', () => {
    const xml = `<domainsnapshot><name>clean</name><disks><disk name='vda' snapshot='internal'/></disks>
      <domain><devices><disk><driver type='qcow2'/><source file='/srv/a.qcow2'/><target dev='vda'/></disk></devices></domain>
    </domainsnapshot>`
    const bases = { vda: { path: '/srv/a.qcow2', format: 'qcow2' } }
    expect(parseSnapshot(xml)).toMatchObject({ description: '', overlays: [], bases })
  })
})
