import { describe, expect, it, test } from 'vitest'
import { formatProblem } from '../spec/problem.ts'
import { importTexts, loadImported, notesOf } from './testing.ts'

const instance = (fields: string, name = 'a'): string =>
  `  - { instance_name: ${name}, instance_ipv4_address: 192.168.122.5, vcpu_count: 1, memory_mb: 512, ${fields} }\n`

const cloudHead = `kvm_hypervisor_host: rack1
kvm_cloud_image_catalog:
  debian-12: { cloud_init_user: debian }
  debian-13: { cloud_init_user: debian }
`
const cloud = (fields: string, more = ''): Record<string, string> => ({
  'v.yml': `${cloudHead}${more}kvm_instance_definitions:\n${instance(`image_profile_id: debian-13, ${fields}`)}`,
})
const disks = (...entries: readonly string[]): string =>
  `instance_extra_disks_enabled: true, instance_extra_disks: [${entries.map((entry) => `{ size_gb: 1, ${entry} }`).join(', ')}]`

describe('X5: known contradictions of cloud images', () => {
  test.each<[string, Record<string, string>, string]>([
    [
      'two disks on one mount point',
      cloud(disks('guest_device: vdb, mount_point: /data', 'guest_device: vdc, mount_point: /data')),
      'two extra disks with mount_point /data',
    ],
    [
      'two disks of one device',
      cloud(disks('guest_device: vdb, mount_point: /a', 'guest_device: vdb, mount_point: /b')),
      'two extra disks with guest_device vdb',
    ],
    [
      'disks that are not switched on',
      cloud('instance_extra_disks: [{ guest_device: vdb, size_gb: 1, mount_point: /a }]'),
      'they are left out',
    ],
    [
      'fallback names that had no effect',
      cloud('', 'kvm_guest_network_interface_fallbacks: [enp1s0]\n'),
      'had no effect before',
    ],
    ['a stage that is not full', cloud('', 'kvm_provision_stage: runtime\n'), 'apply --stage'],
    ['templates beside images', cloud('', 'kvm_template_catalog: { a: {} }\n'), 'of template clones'],
    [
      'the switch for check mode',
      cloud('', 'kvm_execute_mutation_phases_in_check_mode: true\n'),
      'never changes',
    ],
    ['the switch for clean-up', cloud('', 'kvm_cleanup_confirmed: true\n'), '--yes'],
    [
      'sha256 with the default manifest',
      {
        'v.yml': `kvm_hypervisor_host: rack1\nkvm_cloud_image_catalog: { own: { image_url: 'https://x.example/i.qcow2', image_checksum_algorithm: sha256 } }\nkvm_instance_definitions:\n${instance('image_profile_id: own')}`,
      },
      'set `checksums.url`',
    ],
    [
      'a nocloud image',
      {
        'v.yml': `kvm_hypervisor_host: rack1\nkvm_cloud_image_catalog: { own: { image_url: 'https://x.example/debian-12-nocloud.qcow2', image_filename: debian-12-nocloud.qcow2 } }\nkvm_instance_definitions:\n${instance('image_profile_id: own')}`,
      },
      'nocloud image',
    ],
    [
      'a host that is a placeholder',
      { 'v.yml': (cloud('')['v.yml'] ?? '').replace('rack1', 'hypervisor.example.local') },
      'is a placeholder',
    ],
    ['a cap on CPU time', cloud('cpu_share_enabled: true'), 'no such cap'],
  ])('X5: %s', async (_what, files, warning) => {
    const imported = await importTexts(files, { from: 'cloud-images' })
    expect(notesOf(imported, 'warning')).toContainEqual(expect.stringContaining(warning))
  })

  it('X5: keeps the rule that a mount point is there once, and tells the place', async () => {
    const imported = await importTexts(
      cloud(disks('guest_device: vdb, mount_point: /data', 'guest_device: vdc, mount_point: /data')),
    )
    const { spec, problems } = await loadImported(imported)
    expect(spec).toBeUndefined()
    expect(problems.map(formatProblem)).toContainEqual(expect.stringContaining('extraDisks[1].mount'))
  })

  it('X5: the quirks of debian-12, and of no other', async () => {
    const files = {
      'v.yml': `${cloudHead}kvm_instance_definitions:\n${instance('image_profile_id: debian-12')}${instance('image_profile_id: debian-13', 'b').replace('.5,', '.6,')}`,
    }
    const { spec } = await loadImported(await importTexts(files))
    expect(
      spec?.instances.map(({ interfaces, ready, cloudInit }) => [
        interfaces[0].rename,
        ready.timeoutMs.port,
        cloudInit.networkdWaitOnlineSeconds,
      ]),
    ).toEqual([
      [undefined, 360_000, 30],
      ['ens3', 180_000, undefined],
    ])
  })

  it('X5: what the old system did by default is written where the default here is another', async () => {
    const { spec } = await loadImported(await importTexts(cloud('')))
    expect(spec?.instances[0]).toMatchObject({
      rootDisk: { sizeMib: 20_480, mode: 'copy' },
      cloudInit: { locale: 'en_US.UTF-8', packageUpdate: true, packageUpgrade: true, sshPasswordAuth: true },
      interfaces: [
        { addresses: ['192.168.122.5/24'], gateway4: '192.168.122.1', dns: ['1.1.1.1', '8.8.8.8'] },
      ],
    })
  })

  it('X5: several hypervisors and numbered files of later versions', async () => {
    const files = {
      'vars/01-hypervisors.yml': `kvm_hypervisors:
  - { name: one, address: 10.0.0.1, user: root, ssh_private_key_file: ~/.ssh/one }
  - { name: two, ssh_port: 2222, instance_disk_pool_path: /srv/two, image_cache_path: "" }
kvm_hypervisor_user: operator
kvm_require_explicit_hypervisor: true
`,
      'vars/04-images.yml': `kvm_cloud_image_catalog:
  debian-13: { image_distro: debian, image_codename: trixie, image_major: 13, image_variant: genericcloud, image_version: 20260706-2531, image_checksum: ${'ab'.repeat(64)} }
`,
      'vars/06-instances.yml': `kvm_instance_definitions:\n${instance('image_profile_id: debian-13, hypervisor: two')}${instance('image_profile_id: debian-13, hypervisor: ""', 'b').replace('.5,', '.6,')}`,
      'vars/settings.local.yml': 'kvm_default_cloud_init_timezone: Europe/Berlin\n',
    }
    const imported = await importTexts(files)
    const { spec, problems } = await loadImported(imported)
    expect(problems.map(formatProblem)).toEqual([])
    expect(spec?.hosts.map(({ uri }) => uri)).toEqual([
      'qemu+ssh://root@10.0.0.1/system?keyfile=~/.ssh/one',
      'qemu+ssh://operator@two:2222/system',
    ])
    expect(spec?.instances.map(({ host, pool }) => [host, pool])).toEqual([
      ['two', 'two'],
      ['one', 'one'],
    ])
    expect(spec?.images[0]?.sources[0]).toMatchObject({
      url: 'https://cdimage.debian.org/cdimage/cloud/trixie/{version}/debian-13-genericcloud-amd64-{version}.qcow2',
      version: '20260706-2531',
      pinnedDigest: `sha512:${'ab'.repeat(64)}`,
    })
    expect(spec?.instances[0]?.cloudInit.timezone).toBe('Europe/Berlin')
    expect(notesOf(imported, 'warning')).toEqual([expect.stringContaining('b names no hypervisor')])
  })
})

describe('X5: template clones', () => {
  const head = (more = ''): string => `kvm_hypervisor_host: rack1
${more}kvm_default_guest_network_gateway: 192.168.122.1
kvm_template_catalog:
  one: { template_instance_name: golden, template_instance_disk_files: [/t/g.qcow2], guest_os_variant: debian, guest_network_gateway: 192.168.122.9 }
`
  const clones = (fields: string, more = ''): Record<string, string> => ({
    'v.yml': `${head(more)}kvm_instance_definitions:\n${instance(fields)}`,
  })

  it('X5: the instance wins over the profile, the profile over the defaults', async () => {
    const load = async (fields: string) =>
      (await loadImported(await importTexts(clones(`template_profile_id: one, ${fields}`)))).spec
        ?.instances[0]
    expect((await load(''))?.interfaces[0].gateway4).toBe('192.168.122.9')
    expect((await load('guest_network_gateway: 192.168.122.7'))?.interfaces[0].gateway4).toBe('192.168.122.7')
  })

  it('X5: an instance that changes its template gets one of its own', async () => {
    const { spec } = await loadImported(
      await importTexts(clones('template_profile_id: one, template_instance_name: other')),
    )
    expect(spec?.instances[0]?.source).toMatchObject({ kind: 'template', id: 'a-template' })
    expect(spec?.templates.find(({ id }) => id === 'a-template')).toMatchObject({
      domain: 'other',
      disks: undefined,
    })
  })

  test.each([
    ['a template that is not there', clones('template_profile_id: none'), 'the catalogue does not have'],
    [
      'a name that is the template',
      { 'v.yml': `${head()}kvm_instance_definitions:\n${instance('template_profile_id: one', 'golden')}` },
      'bears the name',
    ],
    [
      'the workspace in the pool',
      clones('template_profile_id: one', 'kvm_instance_pool_path: /p/\nkvm_clone_workspace_path: /p\n'),
      'is the pool itself',
    ],
    [
      'two profiles of one machine',
      {
        'v.yml': `${head()}  two: { template_instance_name: golden }\nkvm_instance_definitions:\n${instance('template_profile_id: one')}`,
      },
      'of one machine',
    ],
  ])('X5: %s gives a warning', async (_what, files, warning) => {
    expect(notesOf(await importTexts(files), 'warning')).toContainEqual(expect.stringContaining(warning))
  })

  it('X5: no wait and no snapshot stay so', async () => {
    const { spec } = await loadImported(
      await importTexts(
        clones(
          'template_profile_id: one, guest_network_mode: netplan, guest_network_interface: ens9',
          'kvm_wait_for_instance_ssh: false\nkvm_snapshot_enabled: false\n',
        ),
      ),
    )
    expect(spec?.instances[0]).toMatchObject({ snapshot: undefined, ready: { rungs: ['started'] } })
  })
})

describe('X5: known contradictions of clusters', () => {
  const cluster = (more: string): Record<string, string> => ({
    'inv.ini': '[vmhost]\natlas ansible_host=10.0.0.1 ansible_user=root\n',
    'host_vars/atlas.yml': `vm_image_url: https://x.example//i/debian-11-genericcloud-amd64.qcow2\nvms: [{ name: n1, ip: 172.17.2.10 }]\nvm_cluster_bridge_ip: 172.17.2.1\n${more}`,
  })

  test.each([
    ['a double slash', '', 'ends in /'],
    ['bullseye, where the prose says buster', '', 'buster'],
    ['the name of the bridge in the prose', 'vmhost_bridge_name: br0\n', 'only in the prose'],
    ['another bridge than the template has', 'vmhost_bridge_iface: br7\n', 'kvmbr0'],
    ['vmhost_net', 'vmhost_net: 10.0.0.0/24\n', 'had no effect'],
    ['vmhost_iface_name', 'vmhost_iface_name: eno1\n', 'had no effect'],
    ['vmhost_ip_addr', 'vmhost_ip_addr: 10.0.0.1\n', 'had no effect'],
    ['vmhost_route_addr', 'vmhost_route_addr: 10.0.0.254\n', 'had no effect'],
  ])('X5: %s gives a warning', async (_what, more, warning) => {
    const imported = await importTexts(cluster(more))
    expect(notesOf(imported, 'warning')).toContainEqual(expect.stringContaining(warning))
    expect((await loadImported(imported)).problems.map(formatProblem)).toEqual([])
  })

  test.each([
    ['macvtap and routed'],
    ['eno1'],
    ['leases by host name'],
    ['fe:34:56:78:9a:b'],
    ['continuation marks'],
    ['label of the old task says sha256'],
    ['not the cached image'],
    ['not slept for 10 seconds'],
    ['unescaped pattern'],
    ['cloud-init stays'],
    ['python3'],
    ['pc-q35-5.2'],
    ['remained after its unprovision'],
    ['virsh net-undefine'],
    ['outgoing interface'],
  ])('X5: says what is decided about: %s', async (text) => {
    expect(notesOf(await importTexts(cluster('')), 'decided')).toContainEqual(expect.stringContaining(text))
  })

  it('X5: a number without a unit is a question', async () => {
    const imported = await importTexts(cluster('vm_memory: 2048\n'))
    expect(notesOf(imported, 'question')).toEqual([expect.stringContaining('is not a size with a unit')])
    expect((await loadImported(imported)).spec?.instances[0]?.memoryMib).toBe(1024)
  })

  it('X5: several hosts, each with its own machines', async () => {
    const { spec } = await loadImported(
      await importTexts({
        'inv.ini': '[vmhost]\none\ntwo\n',
        'host_vars/one.yml':
          'vmhost_net: x\nvm_image_url: https://x.example/i.qcow2\nvm_cluster_bridge_ip: 172.17.2.1\nvms: [{ name: n1, ip: 172.17.2.10 }]\n',
        'host_vars/two.yml': 'vms: [{ name: n2, ip: 172.17.2.11 }]\n',
      }),
    )
    expect(spec?.instances.map(({ name, host }) => [name, host])).toEqual([
      ['n1', 'one'],
      ['n2', 'two'],
    ])
  })
})
