import { describe, expect, it, test } from 'vitest'
import { importSystems } from '../cli/register-import.ts'
import { importFiles } from './import.ts'
import { importers } from './importers.ts'
import { importTexts, loadImported, memoryReader, notesOf } from './testing.ts'

const canary = 'c4nary-Zq8'
const clone = `kvm_hypervisor_host: rack1
kvm_template_catalog: { one: { template_instance_name: golden, template_instance_disk_files: [/t/g.qcow2] } }
kvm_instance_definitions:
  - { instance_name: a, template_profile_id: one, instance_ipv4_address: 192.168.122.5, vcpu_count: 1, memory_mb: 512 }
`
const image = `kvm_hypervisor_host: rack1
kvm_cloud_image_catalog: { debian-12: { cloud_init_user: debian } }
kvm_instance_definitions:
  - { instance_name: a, image_profile_id: debian-12, instance_ipv4_address: 192.168.122.5, vcpu_count: 1, memory_mb: 512 }
`

describe('X5: which system files belong to', () => {
  it('X5: is told by names, with the reason', async () => {
    expect((await importTexts({ 'vars.yml': clone })).reasons).toEqual(['kvm_template_catalog at vars.yml:2'])
    expect((await importTexts({ 'vars.yml': image })).system.id).toBe('cloud-images')
  })

  it('X5: is an error when nothing tells it, which says what is known', async () => {
    await expect(importTexts({ 'vars.yml': 'color: blue\n' })).rejects.toMatchObject({
      code: 'import.unrecognised',
      hint: expect.stringContaining('template-clones') as string,
    })
  })

  it('X5: is an error when two fit, which says why each does', async () => {
    const both = importTexts({ 'a.yml': clone, 'b.yml': 'kvm_image_cache_path: /c\n' })
    await expect(both).rejects.toMatchObject({
      code: 'import.unrecognised',
      details: { fits: ['cloud-images', 'template-clones'] },
      message: expect.stringContaining('kvm_image_cache_path at b.yml:1') as string,
    })
  })

  it('X5: is what --from says', async () => {
    const imported = await importTexts(
      { 'a.yml': clone, 'b.yml': 'kvm_image_cache_path: /c\n' },
      { from: 'template-clones' },
    )
    expect(imported.system.id).toBe('template-clones')
    await expect(importTexts({ 'a.yml': clone }, { from: 'other' })).rejects.toMatchObject({
      code: 'import.unrecognised',
    })
  })

  it('X5: can be named on the command line', () => {
    expect(importSystems).toEqual(expect.arrayContaining(importers.map(({ id }) => id)))
  })

  it('X5: --project names the project', async () => {
    expect((await importTexts({ 'a.yml': clone }, { project: 'shop' })).text).toContain('project: shop #')
    await expect(importTexts({ 'a.yml': clone }, { project: 'No!' })).rejects.toMatchObject({
      code: 'usage.invalid',
    })
  })

  it('X5: JSON is read like YAML', async () => {
    const json = JSON.stringify({
      kvm_cloud_image_catalog: { 'debian-13': {} },
      kvm_instance_definitions: [
        { instance_name: 'j', image_profile_id: 'debian-13', instance_ipv4_address: '192.168.122.9' },
      ],
    })
    expect((await loadImported(await importTexts({ 'vars.json': json }))).spec?.instances[0]?.name).toBe('j')
  })

  it('X5: a file without instances is refused at its place', async () => {
    await expect(importTexts({ 'vars.yml': 'kvm_template_catalog: {}\n' })).rejects.toMatchObject({
      code: 'import.invalid',
      message: expect.stringContaining('vars.yml:1') as string,
    })
  })
})

describe('X5: secrets are not in the result, in no form', () => {
  test.each([
    ['a password in clear', `kvm_default_cloud_init_plain_password: ${canary}`],
    ['a root password', `kvm_default_cloud_init_root_plain_password: ${canary}`],
    ['a password by reference', `pw: ${canary}\nkvm_default_cloud_init_plain_password: "{{ pw }}"`],
    ['a password in a command', `pw: ${canary}\nkvm_default_cloud_init_runcmd: ["echo {{ pw }}"]`],
    [
      'a password in an expression',
      `kvm_default_cloud_init_plain_password: "{{ '${canary}' | password_hash }}"`,
    ],
    ['a password in another field', `kvm_default_cloud_init_timezone: "{{ '${canary}' | b64decode }}"`],
    ['a password in a URL', `kvm_default_cloud_init_apt_config: { proxy: "http://me:${canary}@proxy/" }`],
    ['a password that is a mapping', `kvm_default_cloud_init_plain_password: { a: ${canary} }`],
    ['an unknown secret', `api_token: ${canary}`],
    ['an encrypted one', `kvm_default_cloud_init_plain_password: !vault |\n  ${canary}`],
    ['the host with a password', `kvm_libvirt_connection_uri: qemu+ssh://me:${canary}@h/system`],
  ])('X5: %s', async (_what, line) => {
    const imported = await importTexts({
      'vars.yml': `${image}${line}\n`,
      'inv.ini': `[g]\nrack1 ansible_password=${canary}\n`,
    })
    expect(JSON.stringify(imported)).not.toContain(canary)
    const { problems } = await loadImported(imported)
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  })

  it('X5: a password in clear becomes a variable of the environment, and that is said', async () => {
    const imported = await importTexts({
      'v.yml': `${image}kvm_default_cloud_init_plain_password: ${canary}\n`,
    })
    const { spec } = await loadImported(imported)
    expect(spec?.instances[0]?.cloudInit.user.password).toEqual({ kind: 'env', name: 'VM_PASSWORD' })
    expect(notesOf(imported, 'decided')).toContainEqual(expect.stringContaining('export VM_PASSWORD before'))
  })

  it("X5: lookup('env', …) keeps its name", async () => {
    const line = `kvm_default_cloud_init_plain_password: "{{ lookup('env', 'LAB_PW') }}"\n`
    const { spec } = await loadImported(await importTexts({ 'v.yml': image + line }))
    expect(spec?.instances[0]?.cloudInit.user.password).toEqual({ kind: 'env', name: 'LAB_PW' })
  })
})

describe('X5: questions', () => {
  it('X5: are marked at the field, with their place, and the rest is still sound', async () => {
    const imported = await importTexts({
      'v.yml': image.replace('memory_mb: 512', 'memory_mb: "{{ ram | from_table }}"'),
    })
    expect(imported.text).toContain(
      '# QUESTION memory: a.memory_mb: `ram` is not set in these files: {{ ram | from_table }} (v.yml:4)',
    )
    expect(notesOf(imported, 'question')).toHaveLength(1)
    expect((await loadImported(imported)).spec?.instances[0]?.memoryMib).toBe(1024)
  })

  it('X5: tell of variables and keys that are not known', async () => {
    const imported = await importTexts({
      'v.yml': `${image.replace('vcpu_count', 'cpus')}colour: blue\nused: /x\nkvm_image_cache_path: "{{ used }}"\n`,
    })
    expect(notesOf(imported, 'question')).toEqual([
      'v.yml:4: cpus: not known here, and not taken over',
      'v.yml:5: colour: not known here, and not taken over',
    ])
  })

  it('X5: texts with ${…} do not become variables of the spec', async () => {
    const { spec, problems } = await loadImported(
      await importTexts({ 'v.yml': `${image}kvm_default_cloud_init_runcmd: ["echo \${HOME}"]\n` }),
    )
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(spec?.instances[0]?.cloudInit.runcmd).toEqual(['echo ${HOME}'])
  })
})

describe('X5: hostile files', () => {
  it('X5: control characters and line breaks of a file do not get into comments or notes', async () => {
    const line = 'kvm_default_cloud_init_timezone: "{{ x | \\e[31mred\\nversion: 2 }}"\n'
    const imported = await importTexts({ 'v.yml': image + line })
    // Of a line feed only those of the spec itself are left.
    expect(imported.text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
    expect(JSON.stringify(imported.notes)).not.toMatch(/\\u001b|\\n/)
    expect((await loadImported(imported)).spec).toBeDefined()
  })

  test.each([
    ['line feeds', '\n'.repeat(1_000_000)],
    ['opening braces', `a: "${'{{'.repeat(30_000)}"`],
    ['quotes in braces', `a: "{{ ${"'".repeat(30_001)} }}"`],
    ['pipes', `a: "{{ x ${'| x '.repeat(20_000)} }}"`],
    ['brackets', '[x'.repeat(100_000)],
  ])(
    'X5: many %s come to an end',
    async (_what, text) => {
      const outcome = importTexts({ 'v.yml': image, hosts: text, 'w.yml': text })
      await expect(outcome.then(({ system }) => system.id).catch(() => 'refused')).resolves.toMatch(
        /^(cloud-images|refused)$/,
      )
    },
    10_000,
  )

  it('X5: names that are code in YAML stay names', async () => {
    const name = 'a: {b: c}'
    const imported = await importTexts({
      'v.yml': image.replace('instance_name: a,', `instance_name: "${name}",`),
    })
    const { problems } = await loadImported(imported)
    expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining('name')])
  })
})

it('X5: the order in which a folder is listed does not matter', async () => {
  const files = { 'p/vars/a.yml': clone, 'p/inventory.ini': '[g]\nrack1 ansible_host=10.0.0.1\n' }
  const reader = memoryReader(files)
  const forwards = { ...reader, list: async (path: string) => (await reader.list(path)).toReversed() }
  expect((await importFiles(forwards, ['p'])).text).toBe((await importFiles(reader, ['p'])).text)
})
