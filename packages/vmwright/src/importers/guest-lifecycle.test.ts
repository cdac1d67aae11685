import { describe, expect, it, test } from 'vitest'
import { formatProblem } from '../spec/problem.ts'
import { inventory, load, machine, one, source, task } from './testing/guest-lifecycle.ts'
import { importTexts, loadImported, notesOf } from './testing.ts'

describe('X5: definitions of the guest lifecycle', () => {
  it('X5: a platform wins over the default platform, and that over the target', async () => {
    const spec = await load({
      ...machine(', ram: 512'),
      'setup_vm/targets/amd64.yaml': task('{ arch: x86_64, vcpus: 1, ram: 128, machine: pc }'),
      'setup_vm/platforms/default.yaml': task('{ vcpus: 2, ram: 256, net: { type: network, source: lan } }'),
    })
    expect(spec?.instances).toMatchObject([{ vcpus: 2, memoryMib: 512, machine: 'pc' }])
    expect(spec?.networks.find(({ id }) => id === 'lan')).toMatchObject({ name: 'lan', own: undefined })
  })

  it('X5: a layer adds and overrides, and cannot delete', async () => {
    const spec = await load({
      ...machine(', net: { mac: "52:54:00:00:00:07" }'),
      'setup_vm/platforms/default.yaml': task(
        '{ net: { type: network, source: lan, ip: 10.0.0.5, mask: 255.255.0.0 } }',
      ),
    })
    expect(spec?.instances[0]?.interfaces).toMatchObject([
      { mac: '52:54:00:00:00:07', addresses: ['10.0.0.5/16'] },
    ])
  })

  it('X5: permutations are each platform with each target, the list comes after them, and a pair is there once', async () => {
    const config =
      '{ permutations: { platforms: [p, q], targets: [amd64, b] }, list: [{ platform: p, target: b }, { platform: r, target: b }, { platform: r, target: b }] }'
    const files = {
      ...machine(),
      'hosts.yaml': inventory(config),
      'setup_vm/platforms/default.yaml': task(`{ metadata: { sources: ${source} } }`),
      'setup_vm/targets/b.yaml': task('{ arch: x86_64 }'),
    }
    const spec = await load(files)
    expect(spec?.instances.map(({ name }) => name)).toEqual([
      'VM-p-amd64',
      'VM-p-b',
      'VM-q-amd64',
      'VM-q-b',
      'VM-r-b',
    ])
  })

  it('X5: what the collection does by default is written', async () => {
    const spec = await load(machine())
    expect(spec?.hosts).toMatchObject([{ uri: 'qemu:///session' }])
    expect(spec?.instances).toMatchObject([
      { name: 'VM-p-amd64', vcpus: 4, memoryMib: 2048, firmware: 'bios' },
    ])
  })

  it('X5: a definition may be a mapping, in a variable, or in a block with variables of its own', async () => {
    const plain = {
      ...machine(),
      'setup_vm/platforms/p.yaml': `vm: { metadata: { sources: ${source} }, ram: 300 }\n`,
    }
    expect((await load(plain))?.instances[0]?.memoryMib).toBe(300)
    const block =
      '- vars: { size: 700, last: "{{ vm.metadata.target_name }}" }\n  block:\n    - set_fact:\n        vm: { metadata: { name: "x-{{ last }}" }, ram: "{{ size }}" }\n'
    expect((await load({ ...machine(), 'setup_vm/platforms/p.yaml': block }))?.instances[0]).toMatchObject({
      name: 'x-amd64',
      memoryMib: 700,
    })
    const complete = `virtual_machines: [{ metadata: { name: a, sources: ${source} }, arch: x86_64, ram: 400 }]\n`
    expect((await load({ 'vars.yml': complete }))?.instances).toMatchObject([{ name: 'a', memoryMib: 400 }])
  })

  it('X5: each pool folder is a pool, and a machine names its own', async () => {
    const files = {
      ...machine('', ', libvirt_pool_dir: /srv/a/'),
      'hosts.yaml': inventory('{ permutations: { platforms: [p, q], targets: [amd64] } }'),
      'setup_vm/platforms/q.yaml': task(`{ metadata: { sources: ${source}, libvirt_pool_dir: /srv/b } }`),
    }
    const spec = await load(files)
    expect(spec?.pools).toMatchObject([
      { id: 'instances', path: '/srv/a' },
      { id: 'instances-2', path: '/srv/b' },
    ])
    expect(spec?.instances.map(({ pool }) => pool)).toEqual(['instances', 'instances-2'])
  })

  it('X5: the one definition that the role for KVM takes counts too', async () => {
    const spec = await load({
      'vars.yml': `vm: { metadata: { name: solo, connection: "qemu:///system", sources: ${source} }, ram: 600 }\n`,
    })
    expect(spec?.instances).toMatchObject([{ name: 'solo', memoryMib: 600 }])
    expect(spec?.hosts).toMatchObject([{ name: 'local', uri: 'qemu:///system' }])
  })

  it('X5: lists in a playbook count too', async () => {
    const { 'setup_vm/platforms/p.yaml': platform = '' } = machine()
    const spec = await load({
      'main.yaml': `- hosts: hypervisors\n  vars:\n    c: ${one}\n  roles: [parse_vms_provision]\n`,
      'setup_vm/platforms/p.yaml': platform,
    })
    expect(spec?.instances.map(({ name }) => name)).toEqual(['VM-p-amd64'])
  })

  it('X5: platforms whose image depends on the target have an image for each', async () => {
    const spec = await load({
      ...machine('', `, name: "{{ vm.metadata.target_name }}"`),
      'hosts.yaml': inventory('{ permutations: { platforms: [p], targets: [a, b] } }'),
      'setup_vm/targets/a.yaml': task('{ arch: x86_64 }'),
      'setup_vm/targets/b.yaml': task('{ arch: x86_64 }'),
      'setup_vm/platforms/p.yaml': task(
        `{ metadata: { sources: ${source.replace('/i.', '/{{ vm.metadata.target_name }}.')} } }`,
      ),
    })
    expect(spec?.images.map(({ sources: [first] }) => first)).toMatchObject([
      { url: 'https://x.example/a.qcow2' },
      { url: 'https://x.example/b.qcow2' },
    ])
    expect(spec?.instances.map((each) => each.source)).toMatchObject([{ id: 'p' }, { id: 'p-2' }])
  })
})

describe('X5: known contradictions of the guest lifecycle', () => {
  test.each<[string, Record<string, string>, string]>([
    [
      'the template of an entry',
      {
        ...machine(),
        'hosts.yaml': inventory('{ list: [{ platform: p, target: amd64, template: virtio }] }'),
      },
      'never took effect',
    ],
    [
      'the callback of on_provision',
      {
        ...machine(),
        'setup_vm/platforms/p.yaml': task(
          `{ metadata: { sources: ${source.replace('}] }]', '}], on_provision: { callback: move.yaml } }]')} } }`,
        ),
      },
      'install_to_libvirt was always run',
    ],
    [
      'formats of img_convert',
      {
        ...machine(),
        'setup_vm/platforms/p.yaml': task(
          `{ metadata: { sources: ${source.replace('}] }]', '}, { callback: img_convert.yaml, from_format: raw }] }]')} } }`,
        ),
      },
      'from_format is in the documentation',
    ],
    ['the number of CPUs', machine(', vcpus: 2'), 'had no effect on KVM'],
    [
      'machines of two connections',
      {
        ...machine('', ', connection: "qemu:///system"'),
        'hosts.yaml': inventory('{ permutations: { platforms: [p, q], targets: [amd64] } }'),
        'setup_vm/platforms/q.yaml': task(
          `{ metadata: { sources: ${source}, connection: "qemu:///session" } }`,
        ),
      },
      'another than that of the first machine',
    ],
    ['revision_id', machine('', '', '    revision_id: 7\n'), 'project_revision'],
    [
      'failures of phases',
      { ...machine(), 'provision_phases/p/main.yaml': '- shell: "true"\n' },
      'was swallowed',
    ],
    ['no sources', { ...machine(), 'setup_vm/platforms/p.yaml': task('{ ram: 512 }') }, 'refuses'],
  ])('X5: %s gives a warning', async (_what, files, warning) => {
    const imported = await importTexts(files)
    expect(notesOf(imported, 'warning')).toContainEqual(expect.stringContaining(warning))
    expect((await loadImported(imported)).problems.map(formatProblem)).toEqual([])
  })
})

describe('X5: what the guest lifecycle has and vmwright has not', () => {
  test.each<[string, Record<string, string>, string]>([
    [
      'forwarded ports',
      machine(', net: { type: user, source: "hostfwd=tcp::22-:22" }'),
      'forwarded ports have no equal',
    ],
    ['VDE', machine(', net: { type: vde, source: /run/vde }'), 'type vde have no equal'],
    ['a kernel of its own', machine(', kernel: { src: vmlinuz }'), 'kernel:'],
    ['a template of the domain', machine('', ', template: virtio'), 'template:'],
    ['a further disk', machine(', disks: [{ src: a }, { src: b }]'), 'a further disk'],
    ['nested hypervisors', machine('', '', '    should_setup_proxy_jumps: true\n'), 'nested hypervisors'],
    [
      'networks',
      {
        ...machine(),
        'setup_net/networks/default-net.yml': 'name: default-net\nbridge: { ip: 10.0.0.254 }\n',
      },
      'virsh net-define',
    ],
    [
      'packed images',
      {
        ...machine(),
        'setup_vm/platforms/p.yaml': task(
          `{ metadata: { sources: ${source.replace('}] }]', '}, { callback: unarchive.yaml }] }]')} } }`,
        ),
      },
      'are not unpacked',
    ],
  ])('X5: %s: is told, and the rest is sound', async (_what, files, text) => {
    const imported = await importTexts(files)
    expect(notesOf(imported, 'no-equal')).toContainEqual(expect.stringContaining(text))
    expect(notesOf(imported, 'question').filter((note) => !note.includes('default-net'))).toEqual([])
    expect((await loadImported(imported)).problems.map(formatProblem)).toEqual([])
  })

  test.each<[string, Record<string, string>, string]>([
    [
      'a callback of your own',
      {
        ...machine(),
        'setup_vm/platforms/p.yaml': task(
          '{ metadata: { sources: [{ before_provision: [{ callback: mine.yaml }] }] } }',
        ),
      },
      'the callback mine is not known',
    ],
    ['a platform without a file', { 'hosts.yaml': inventory(one) }, 'the platform p has no file'],
    [
      'a condition',
      { ...machine(), 'setup_vm/targets/amd64.yaml': `${task('{ arch: x86_64 }')}  when: x\n` },
      'under a condition',
    ],
  ])('X5: %s is a question', async (_what, files, text) => {
    const imported = await importTexts(files, { from: 'guest-lifecycle' })
    expect(notesOf(imported, 'question')).toContainEqual(expect.stringContaining(text))
  })

  it('X5: passwords are references, in no text and no note', async () => {
    const imported = await importTexts(
      machine('', ', auth: { user: me, password: c4nary-1, become_password: c4nary-2, become_method: su }'),
    )
    expect(JSON.stringify(imported)).not.toContain('c4nary')
    expect((await loadImported(imported)).spec?.instances[0]?.cloudInit).toMatchObject({
      user: { name: 'me', password: { kind: 'env', name: 'P_PASSWORD' } },
      rootPassword: { kind: 'env', name: 'P_ROOT_PASSWORD' },
    })
  })

  it('X5: files without a list of machines are an error that says what to give', async () => {
    await expect(
      importTexts({ 'setup_vm/targets/amd64.yaml': task('{ arch: x86_64, machine: q35 }') }),
    ).rejects.toMatchObject({ code: 'import.invalid' })
  })
})
