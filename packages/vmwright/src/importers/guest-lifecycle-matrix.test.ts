import { describe, expect, it, test } from 'vitest'
import { inventory, load, machine, source, task } from './testing/guest-lifecycle.ts'
import { importTexts, notesOf } from './testing.ts'

describe('X5: lifecycles', () => {
  const lifecycleOf = async (more: string, files: Record<string, string> = {}) => {
    const spec = await load({ ...machine('', '', more), ...files })
    return { project: spec?.project, ...spec?.instances[0]?.lifecycle }
  }

  test.each<[string, string, object]>([
    ['project_id', 'project_id: My_Tests', { project: 'my-tests' }],
    ['project_revision', 'project_revision: 4', { revision: { kind: 'fixed', value: '4' } }],
    ['revision_id', 'revision_id: r7', { revision: { kind: 'fixed', value: 'r7' } }],
    ['no revision', 'connection_timeout: 5', { revision: { kind: 'auto' } }],
    [
      'both revisions',
      'revision_id: 7\n    project_revision: 8',
      { revision: { kind: 'fixed', value: '8' } },
    ],
    [
      'allowed_phases',
      'allowed_phases: [main, startup, create_clean, restore init snapshot]',
      { allowed: ['startup', 'restore-init', 'create-clean', 'main'] },
    ],
    ['phases_lookup_dir_path', 'phases_lookup_dir_path: my_phases', { phasesFolder: '/specs/my_phases' }],
    ['connection_timeout', 'connection_timeout: 300', { connection: { timeoutMs: 300_000 } }],
    ['wait_until_port_reachable', 'wait_until_port_reachable: true', { connection: { wait: 'port' } }],
    ['retries', 'retry_count: 3\n    retry_delay: 7', { shutdown: { attempts: 3, delayMs: 7000 } }],
    ['snapshot_type external', 'snapshot_type: external', { memory: 'never' }],
    ['snapshot_type internal', 'snapshot_type: internal', { memory: 'auto' }],
  ])('X5, G1: %s is taken over', async (_what, more, want) => {
    expect(await lifecycleOf(`    ${more}\n`)).toMatchObject(want)
  })

  it('X5, G3: the folder of phases is the one whose files were given', async () => {
    const files = { 'farm/provision_phases/p/amd64/init.yaml': '- shell: "true"\n' }
    expect(await lifecycleOf('', files)).toMatchObject({ phasesFolder: '/specs/farm/provision_phases' })
  })

  it('X5, G6: an allowed phase that is not known is a question', async () => {
    const imported = await importTexts(machine('', '', '    allowed_phases: [main, boot]\n'))
    expect(notesOf(imported, 'question')).toContainEqual(expect.stringContaining('allowed_phases'))
  })

  it('X5, G7: machines of another architecture are emulated, with images of their own', async () => {
    const spec = await load({
      ...machine(),
      'hosts.yaml': inventory('{ permutations: { platforms: [p], targets: [amd64, arm64, own] } }'),
      'setup_vm/targets/arm64.yaml': task(
        '{ arch: aarch64, cpu: cortex-a57, machine: virt, emulator: /usr/bin/qemu-system-aarch64 }',
      ),
      'setup_vm/targets/own.yaml': task('{ arch: ppc64le, machine: pseries }'),
    })
    expect(spec?.instances).toMatchObject([
      { name: 'VM-p-amd64', firmware: 'bios', source: { id: 'p' } },
      {
        name: 'VM-p-arm64',
        matrix: { platform: 'p', target: 'arm64' },
        machine: 'virt',
        firmware: 'uefi',
        processor: {
          architecture: 'aarch64',
          model: 'cortex-a57',
          emulator: '/usr/bin/qemu-system-aarch64',
        },
        source: { id: 'p.aarch64' },
      },
      { name: 'VM-p-own', machine: 'pseries', processor: { architecture: 'ppc64le' } },
    ])
  })

  it('X5, G7: an image for x86_64 on another architecture is warned about', async () => {
    const imported = await importTexts({
      ...machine(),
      'hosts.yaml': inventory('{ list: [{ platform: p, target: arm64 }] }'),
      'setup_vm/platforms/p.yaml': task(`{ metadata: { sources: ${source.replace('/i.', '/i-amd64.')} } }`),
    })
    expect(notesOf(imported, 'warning')).toContainEqual(expect.stringContaining('looks like one for x86_64'))
  })

  it('X5, G7: what platforms and targets have in common stands there once', async () => {
    const { text } = await importTexts({
      ...machine(', ram: 512'),
      'hosts.yaml': inventory('{ permutations: { platforms: [p, q], targets: [amd64, big] } }'),
      'setup_vm/platforms/q.yaml': task(`{ metadata: { sources: ${source} }, ram: 1024 }`),
      'setup_vm/targets/big.yaml': task('{ arch: x86_64, firmware: x.fd }'),
    })
    expect(text.slice(text.indexOf('\nmatrix:'))).toMatchInlineSnapshot(`
      "
      matrix:
        platforms:
          p:
            image: p
            memory: 512MiB # vm.ram, setup_vm/platforms/p.yaml:2
          q:
            image: q
            memory: 1024MiB # vm.ram, setup_vm/platforms/q.yaml:2
          default:
            vcpus: 4 # vm.vcpus, by default
            interfaces:
              - network: default
        targets:
          big:
            firmware: uefi # vm.firmware, setup_vm/targets/big.yaml:2
          amd64:
            firmware: bios # vm.firmware, by default
        combine:
          platforms: [ p, q ]
          targets: [ amd64, big ]
        name: VM-{platform}-{target}
      "
    `)
  })
})
