import { describe, expect, it, test } from 'vitest'
import { formatProblem } from '../spec/problem.ts'
import { faultOfSet, jobSets, osOfImage } from './hyper-v-fields.ts'
import { importTexts, loadImported, notesOf } from './testing.ts'

const least = {
  vm_name: 'a',
  image_name: 'Ubuntu 24.04',
  gb_ram: 2,
  cpu_cores: 1,
  guest_la_uid: 'me',
  guest_la_pw: 'c4nary-1',
}
const windows = { image_name: 'Windows Server 2025' }
const address = {
  guest_v4_ipaddr: '10.0.0.5',
  guest_v4_cidrprefix: 24,
  guest_v4_defaultgw: '10.0.0.1',
}
const join = {
  ...windows,
  guest_domain_jointarget: 'ad.example.org',
  guest_domain_joinuid: 'join',
  guest_domain_joinpw: 'c4nary-2',
}

const job = (values: object, more: object = {}): Record<string, string> => ({
  'job.json': JSON.stringify({
    schema_version: 1,
    target_host: 'node1',
    values: { ...least, ...values },
    ...more,
  }),
})

const schema = (more = '', sets = ''): Record<string, string> => ({
  'job-inputs.yaml': `version: 1
id: vm-provisioning
fields:
  - { id: vm_name, type: string, required: true }
  - { id: gb_ram, type: integer, required: true, default: 6 }
  - { id: cpu_cores, type: integer, required: true, default: 3 }
${more}parameter_sets: [${sets}]
`,
})

const load = async (files: Record<string, string>) => {
  const loaded = await loadImported(await importTexts(files))
  expect(loaded.problems.map(formatProblem)).toEqual([])
  return loaded.spec
}

const refusal = async (files: Record<string, string>): Promise<string> => {
  try {
    await importTexts(files)
  } catch (error) {
    expect(error).toMatchObject({ code: 'import.invalid' })
    expect(JSON.stringify(error) + String(error)).not.toContain('c4nary')
    return (error as Error).message
  }
  return 'accepted'
}

describe('X5: jobs of the Hyper-V service', () => {
  it('X5: the three forms of a payload give the same machine', async () => {
    const forms = [
      job({}),
      { 'job.yaml': JSON.stringify({ schema_id: 'vm-provisioning', fields: least, target_host: 'node1' }) },
      {
        'job.json': JSON.stringify({ schema: { id: 'x', version: 1 }, fields: least, target_host: 'node1' }),
      },
    ]
    const specs = await Promise.all(forms.map(load))
    expect(specs[0]?.instances).toMatchObject([
      { name: 'a', host: 'node1', memoryMib: 2048, vcpus: 1, hyperv: { os: 'linux', clustered: false } },
    ])
    for (const spec of specs) expect(spec).toEqual(specs[0])
  })

  it('X5: passwords are references, in no text and no note', async () => {
    const imported = await importTexts(job(join))
    expect(JSON.stringify(imported)).not.toContain('c4nary')
    const { spec } = await loadImported(imported)
    expect(spec?.instances[0]).toMatchObject({
      cloudInit: { user: { password: { kind: 'env', name: 'A_PASSWORD' } } },
      hyperv: { domainJoin: { password: { kind: 'env', name: 'A_JOIN_PASSWORD' } } },
    })
    expect(spec?.hosts).toMatchObject([
      { uri: 'hyperv://node1', login: { password: { name: 'WINRM_PASSWORD' } } },
    ])
  })

  it('X5: a payload for a host alone is a question about the host', async () => {
    const imported = await importTexts({ 'job.json': JSON.stringify({ schema_id: 'x', fields: least }) })
    expect(notesOf(imported, 'question')).toEqual([expect.stringContaining('no target_host')])
    expect((await loadImported(imported)).problems.map(formatProblem)).toEqual([])
  })

  it('X5: braces in a value are text, not an expression', async () => {
    const files = job({ ...join, guest_domain_joinou: 'OU={{ x }} ${y}' })
    expect((await load(files))?.instances[0]?.hyperv?.domainJoin?.ou).toBe('OU={{ x }} ${y}')
  })

  test.each<[object, object]>([
    [{ vlan_id: 24 }, { interfaces: [{ vlan: 24 }] }],
    [{ vlan_id: 0 }, { interfaces: [{ vlan: undefined }] }],
    [{ vlan_id: '' }, { interfaces: [{ vlan: undefined }] }],
    [{ vm_clustered: 'Yes' }, { hyperv: { clustered: true } }],
    [{ vm_clustered: true }, { hyperv: { clustered: true } }],
    [{ vm_clustered: 'No' }, { hyperv: { clustered: false } }],
    [{ gb_ram: '' }, { memoryMib: 4096 }],
    [{ os_family: 'windows', image_name: 'golden' }, { hyperv: { os: 'windows' } }],
    [address, { interfaces: [{ addresses: ['10.0.0.5/24'], gateway4: '10.0.0.1', dns: [] }] }],
    [
      { ...address, guest_v4_dns1: '10.0.0.2', guest_v4_dns2: '10.0.0.3', guest_net_dnssuffix: 'x.example' },
      { interfaces: [{ dns: ['10.0.0.2', '10.0.0.3'], search: ['x.example'] }] },
    ],
    [join, { hyperv: { domainJoin: { domain: 'ad.example.org', user: 'join', ou: undefined } } }],
    [{ ...join, guest_domain_joinou: 'OU=a' }, { hyperv: { domainJoin: { ou: 'OU=a' } } }],
  ])('X5: %j becomes %j', async (values, wanted) => {
    expect((await load(job(values)))?.instances[0]).toMatchObject(wanted)
  })

  it('X5: images whose keys would be one stay two', async () => {
    const spec = await load({
      ...job({ image_name: 'Debian 12' }),
      'b.json': job({ vm_name: 'b', image_name: 'Debian-12' })['job.json'] ?? '',
    })
    expect(spec?.images.map(({ sources }) => sources[0])).toMatchObject([
      { name: 'Debian 12' },
      { name: 'Debian-12' },
    ])
  })
})

describe('X5: what the service refuses is refused, all at once', () => {
  test.each<[string, Record<string, string>, string]>([
    ['an unknown field', job({ color: 'c4nary' }), 'color is not known'],
    ['too much memory', job({ gb_ram: 513 }), 'gb_ram has to be a whole number from 1 to 512'],
    ['a VLAN too high', job({ vlan_id: 4095 }), 'vlan_id has to be'],
    [
      'no address',
      job({ ...address, guest_v4_ipaddr: 'c4nary' }),
      'guest_v4_ipaddr has to be an IPv4 address',
    ],
    ['a long name', job({ vm_name: 'x'.repeat(65) }), 'more than 64 characters'],
    ['a text for a boolean', job({ vm_clustered: 'c4nary' }), 'vm_clustered has to be'],
    ['an unknown system', job({ image_name: 'c4nary' }), 'give os_family'],
    ['an address alone', job({ guest_v4_ipaddr: '10.0.0.5' }), 'static_ipv4: guest_v4_ipaddr needs'],
    ['the second name server alone', job({ ...address, guest_v4_dns2: '10.0.0.3' }), 'guest_v4_dns1 too'],
    ['a key without its user', job({ cnf_ansible_ssh_key: 'ssh-rsa AAAA' }), 'cnf_ansible_ssh_user too'],
    ['half a domain', job({ ...windows, guest_domain_jointarget: 'x' }), 'guest_domain_joinpw too'],
    ['another version', { ...schema(), ...job({}, { schema_version: 2 }) }, 'is not that of the schema'],
    ['a field twice', schema('  - { id: vm_name }\n'), 'vm_name is there twice'],
    ['a set of what is not there', schema('', '{ id: s, members: [nobody] }'), 'a field that is not there'],
    [
      'members and variants',
      schema('', '{ id: s, members: [vm_name], variants: [{ id: v, required: [vm_name] }] }'),
      'both members and variants',
    ],
    ['an unknown type', schema('  - { id: x, type: map }\n'), 'no known type'],
  ])('X5: %s', async (_what, files, message) => {
    expect(await refusal(files)).toContain(message)
  })

  it('X5: missing fields and wrong ones are told together, with their places', async () => {
    const message = await refusal(job({ vm_name: ' ', guest_la_uid: null, guest_la_pw: '', cpu_cores: 65 }))
    for (const text of [
      'vm_name is missing',
      'guest_la_uid is missing',
      'guest_la_pw is missing',
      'cpu_cores has',
    ])
      expect(message).toContain(text)
    expect(message).toContain('job.json:1: ')
  })
})

describe('X5: known contradictions of the Hyper-V service', () => {
  test.each<[string, Record<string, string>, string]>([
    ['VLAN 0', job({ vlan_id: 0 }), 'vlan_id 0 is untagged in the documentation'],
    ['VLAN 0 in the schema', schema('  - { id: vlan_id, type: integer }\n'), 'the schema refuses vlan_id 0'],
    ['no name server', job(address), 'static_ipv4 without guest_v4_dns1, guest_v4_dns2'],
    [
      'the example of the documentation',
      job({ ...join, ...address, guest_v4_dns1: '10.0.0.2' }),
      'static_ipv4 without guest_v4_dns2',
    ],
    [
      'an address without netplan',
      job({ ...address, image_name: 'Rocky Linux 9' }),
      'only guests with netplan',
    ],
    ['no unit', job(join), 'windows_domain_join without guest_domain_joinou'],
    ['a join that was skipped', job(join), 'skipped the join silently'],
    ['a suffix for Windows', job({ ...windows, guest_net_dnssuffix: 'x.example' }), 'was never applied'],
    ['a text that means no', job({ vm_clustered: 'No' }), 'took any text as yes'],
    ['fields of Windows', job({ guest_domain_joinou: 'OU=a' }), 'is only for windows'],
    [
      'fields of Linux',
      job({ ...windows, cnf_ansible_ssh_user: 'x', cnf_ansible_ssh_key: 'ssh-rsa AAAA' }),
      'is only for linux',
    ],
    [
      'long values for Windows',
      job({ ...join, guest_domain_joinou: `OU=${'a'.repeat(100)}` }),
      'never arrived',
    ],
    [
      'sets of the first form',
      schema('  - { id: guest_v4_ipaddr, type: ipv4 }\n', '{ id: static_ipv4, members: [guest_v4_ipaddr] }'),
      'all or none',
    ],
    [
      'a secret as default',
      schema('  - { id: guest_la_pw, type: secret, default: c4nary }\n'),
      'as its default',
    ],
  ])('X5: %s gives a warning', async (_what, files, warning) => {
    const imported = await importTexts(files)
    expect(notesOf(imported, 'warning')).toContainEqual(expect.stringContaining(warning))
    expect(JSON.stringify(imported)).not.toContain('c4nary')
    expect((await loadImported(imported)).problems.map(formatProblem)).toEqual([])
  })

  test.each(['port 5985', 'WINRM_USERNAME', 'first virtual switch', 'shown in its pages', 'left folder'])(
    'X5: says what is decided about: %s',
    async (text) => {
      expect(notesOf(await importTexts(job({})), 'decided')).toContainEqual(expect.stringContaining(text))
    },
  )
})

describe('X5: the schema of inputs', () => {
  it('X5: gives defaults, and its fields as comments', async () => {
    const imported = await importTexts(schema('  - { id: rack, type: string }\n'))
    expect(imported.text).toContain('memory: 6GiB')
    expect(imported.text).toContain('# gb_ram (integer, required): instances.*.memory')
    expect(imported.text).toContain('# rack (string): no equal')
    expect((await loadImported(imported)).problems.map(formatProblem)).toEqual([])
  })

  it('X5: its defaults are those of payloads beside it, and its own fields have no equal', async () => {
    const files = { ...schema('  - { id: rack, type: secret }\n'), ...job({ gb_ram: '', rack: 'c4nary' }) }
    const imported = await importTexts(files)
    expect(JSON.stringify(imported)).not.toContain('c4nary')
    expect(notesOf(imported, 'no-equal')).toContainEqual(expect.stringContaining('rack'))
    expect((await loadImported(imported)).spec?.instances[0]?.memoryMib).toBe(6144)
  })
})

test.each([
  ['Windows Server 2025', 'windows'],
  ['MICROSOFT WINDOWS 11', 'windows'],
  ['rhel-9', 'linux'],
  ['Red Hat Enterprise Linux 9', 'linux'],
  ['openSUSE Leap', 'linux'],
  ['my debian', undefined],
])('X5: an image called %s is of %s', (image, os) => {
  expect(osOfImage(image)).toBe(os)
})

test.each<[readonly string[], boolean]>([
  [[], true],
  [['guest_v4_ipaddr', 'guest_v4_cidrprefix', 'guest_v4_defaultgw'], true],
  [['guest_v4_ipaddr', 'guest_v4_cidrprefix', 'guest_v4_defaultgw', 'guest_v4_dns1'], true],
  [['guest_v4_ipaddr', 'guest_v4_cidrprefix', 'guest_v4_defaultgw', 'guest_v4_dns2'], false],
  [['guest_v4_dns1'], false],
  [['guest_v4_ipaddr'], false],
])('X5: the fields %j go together: %s', (given, isFine) => {
  const [set] = jobSets
  expect(set !== undefined && faultOfSet(set, new Set(given)) === undefined).toBe(isFine)
})
