import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { formatProblem } from '../spec/problem.ts'
import { importFiles } from './import.ts'
import { loadImported, notesOf, sampleReader, samples } from './testing.ts'

const systems = [
  ['t', 'template-clones', 2],
  ['c', 'cloud-images', 4],
  ['k', 'clusters', 3],
  ['g', 'guest-lifecycle', 5],
  ['h', 'hyper-v', 2],
] as const

describe('X5: the sample files', () => {
  test.each(systems)('X5: %s are recognised as %s and give a sound spec', async (folder, id, count) => {
    const imported = await importFiles(sampleReader, [folder])
    expect(imported.system.id).toBe(id)
    await expect(imported.text).toMatchFileSnapshot(join(samples, 'golden', `${folder}.txt`))
    const { spec, problems } = await loadImported(imported, join(samples, folder))
    expect(problems.map(formatProblem)).toEqual([])
    expect(spec?.instances).toHaveLength(count)
    expect(notesOf(imported, 'question')).toEqual([])
  })

  test.each(systems)('X5: %s give the same text twice', async (folder) => {
    const first = await importFiles(sampleReader, [folder])
    const second = await importFiles(sampleReader, [folder])
    expect(second.text).toBe(first.text)
  })

  it('X5: say where each field came from', async () => {
    const { text } = await importFiles(sampleReader, ['t'])
    expect(text).toContain(
      'gateway4: 192.168.24.1 # kvm_default_guest_network_gateway, t/vars/kvm-provisioning.yml:16',
    )
  })

  it('X5: keep the machines of cloud images what they were', async () => {
    const { spec } = await loadImported(await importFiles(sampleReader, ['c']))
    const [first, , third] = spec?.instances ?? []
    expect(first).toMatchObject({
      name: 'debian-12-a',
      source: { kind: 'image', id: 'debian-12' },
      vcpus: 1,
      memoryMib: 2048,
      rootDisk: { sizeMib: 20_480, mode: 'copy' },
      // sha1('debian-12-a')
      interfaces: [{ mac: '52:54:00:97:1e:cd', addresses: ['192.168.24.121/24'], gateway4: '192.168.24.1' }],
      extraDisks: [{ device: 'vdb', sizeMib: 10_240, mount: { path: '/data', filesystem: 'ext4' } }],
      cloudInit: {
        user: { name: 'debian', password: { kind: 'env', name: 'VM_PASSWORD' }, sudo: 'ALL=(ALL) ALL' },
        sshPasswordAuth: true,
        locale: 'en_US.UTF-8',
        runcmd: [['systemctl', 'enable', '--now', 'cron'], 'echo "ready on ${HOSTNAME}" > /etc/motd'],
        networkdWaitOnlineSeconds: 30,
      },
      ready: { timeoutMs: { port: 360_000 } },
    })
    expect(first?.interfaces[0].rename).toBeUndefined()
    expect(third?.interfaces[0].rename).toBe('ens3')
    expect(third?.ready.timeoutMs.port).toBe(180_000)
  })

  it('X5: keep the clones what they were, also those that name the machine of their template', async () => {
    const { spec } = await loadImported(await importFiles(sampleReader, ['t']))
    expect(spec?.templates[0]).toMatchObject({
      domain: 'debian-trixie-template',
      disks: ['/srv/vms/templates/debian-trixie-template.qcow2'],
      whenRunning: 'shut-down',
    })
    expect(spec?.cloning).toMatchObject({ mode: 'auto', validate: 'once', workspace: '/srv/vms/clone-work' })
    expect(spec?.instances.map(({ source }) => source)).toMatchObject([
      { kind: 'template', id: 'debian-trixie' },
      { kind: 'template', id: 'debian-trixie' },
    ])
    expect(spec?.instances[1]?.interfaces[0]).toMatchObject({
      addresses: ['192.168.24.42/24'],
      dns: ['192.168.24.1'],
    })
    expect(spec?.hosts[0]).toMatchObject({ runtimeUser: 'libvirt-qemu', repairAccess: true })
  })

  it('X5, K4: give a cluster a network and a pool of its own', async () => {
    const { spec } = await loadImported(await importFiles(sampleReader, ['k']), join(samples, 'k'))
    expect(spec?.networks).toMatchObject([
      {
        name: 'cluster-net',
        own: {
          mode: 'nat',
          bridge: 'kvmbr0',
          ipv4: { address: '172.17.2.1', prefix: 24, dhcp: { from: '172.17.2.2', to: '172.17.2.254' } },
          forwarding: { masquerade: true, from: ['172.17.1.0/24'] },
        },
      },
    ])
    expect(spec?.pools).toMatchObject([{ name: 'cluster', permissions: { mode: 0o755, owner: 0, group: 0 } }])
    expect(spec?.instances.map(({ interfaces: [{ leases, addresses }] }) => [leases, addresses])).toEqual([
      [['172.17.2.10'], []],
      [['172.17.2.11'], []],
      [['172.17.2.12'], []],
    ])
  })

  it('X5: read the variables of the host beside the inventory of a cluster', async () => {
    const imported = await importFiles(sampleReader, ['k/inventory.yml'])
    expect(imported.files).toEqual(['k/inventory.yml', 'k/host_vars/atlas.yml'])
    const { spec } = await loadImported(imported, join(samples, 'k'))
    expect(spec?.instances.map(({ name, memoryMib }) => [name, memoryMib])).toEqual([
      ['boreas', 2048],
      ['notus', 2048],
      ['zephyrus', 4096],
    ])
  })
})
