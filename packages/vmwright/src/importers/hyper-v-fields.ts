/** What a field of a job may be. Sizes and ranges as the service checks them. */
export interface JobField {
  readonly type: 'string' | 'secret' | 'multiline' | 'integer' | 'boolean' | 'ipv4' | 'hostname'
  readonly required?: true
  readonly minimum?: number
  readonly maximum?: number
  readonly os?: 'linux' | 'windows'
}

const address = { type: 'ipv4' } as const
const windows = { type: 'string', os: 'windows' } as const

/** The fields that the service shipped. */
export const jobFields = {
  vm_name: { type: 'string', required: true, maximum: 64 },
  image_name: { type: 'string', required: true },
  os_family: { type: 'string' },
  gb_ram: { type: 'integer', required: true, minimum: 1, maximum: 512 },
  cpu_cores: { type: 'integer', required: true, minimum: 1, maximum: 64 },
  vlan_id: { type: 'integer', minimum: 0, maximum: 4094 },
  guest_la_uid: { type: 'string', required: true },
  guest_la_pw: { type: 'secret', required: true },
  guest_v4_ipaddr: address,
  guest_v4_cidrprefix: { type: 'integer', minimum: 1, maximum: 32 },
  guest_v4_defaultgw: address,
  guest_v4_dns1: address,
  guest_v4_dns2: address,
  guest_net_dnssuffix: { type: 'string' },
  guest_domain_jointarget: windows,
  guest_domain_joinuid: windows,
  guest_domain_joinpw: { type: 'secret', os: 'windows' },
  guest_domain_joinou: windows,
  cnf_ansible_ssh_user: { type: 'string', os: 'linux' },
  cnf_ansible_ssh_key: { type: 'multiline', os: 'linux' },
  vm_clustered: { type: 'boolean' },
} as const satisfies Record<string, JobField>

export type JobFieldName = keyof typeof jobFields

export const isJobField = (name: string): name is JobFieldName => Object.hasOwn(jobFields, name)

/** One of several ways in which fields go together. */
export interface Variant {
  readonly required: readonly JobFieldName[]
  readonly optional: readonly JobFieldName[]
}

export interface JobSet {
  readonly id: string
  readonly variants: readonly Variant[]
  /** All that the first form of the schema wanted: all or none. */
  readonly allOrNone: readonly JobFieldName[]
}

const core = ['guest_v4_ipaddr', 'guest_v4_cidrprefix', 'guest_v4_defaultgw'] as const
const join = ['guest_domain_jointarget', 'guest_domain_joinuid', 'guest_domain_joinpw'] as const
const ansible = ['cnf_ansible_ssh_user', 'cnf_ansible_ssh_key'] as const

/** The sets in their later form, with variants; what the first form refused without need is accepted. */
export const jobSets: readonly JobSet[] = [
  {
    id: 'static_ipv4',
    variants: [
      { required: core, optional: [] },
      { required: [...core, 'guest_v4_dns1'], optional: ['guest_v4_dns2'] },
    ],
    allOrNone: [...core, 'guest_v4_dns1', 'guest_v4_dns2'],
  },
  {
    id: 'windows_domain_join',
    variants: [
      { required: join, optional: [] },
      { required: [...join, 'guest_domain_joinou'], optional: [] },
    ],
    allOrNone: [...join, 'guest_domain_joinou'],
  },
  { id: 'linux_ansible', variants: [{ required: ansible, optional: [] }], allOrNone: ansible },
]

/**
 * What is wrong with the fields that are given, `undefined`: nothing. None is fine; else one variant has all its
 * required fields given and no field beside required and optional ones.
 */
export function faultOfSet(set: JobSet, given: ReadonlySet<string>): string | undefined {
  const members = [...new Set(set.variants.flatMap(({ required, optional }) => [...required, ...optional]))]
  const present = members.filter((name) => given.has(name))
  if (present.length === 0) return undefined
  const lacks = set.variants.map(({ required, optional }) => ({
    missing: required.filter((name) => !given.has(name)),
    extra: present.filter((name) => !required.includes(name) && !optional.includes(name)),
  }))
  if (lacks.some(({ missing, extra }) => missing.length === 0 && extra.length === 0)) return undefined
  // The variant that is nearest to what is there tells most.
  const best = lacks.toSorted(
    (a, b) => a.extra.length - b.extra.length || a.missing.length - b.missing.length,
  )[0]
  return `${set.id}: ${present.join(', ')} ${present.length === 1 ? 'needs' : 'need'} ${best?.missing.join(', ')} too`
}

const prefixes = {
  windows: ['windows', 'microsoft windows'],
  linux: [
    'ubuntu',
    'rhel',
    'red hat enterprise linux',
    'centos',
    'rocky linux',
    'almalinux',
    'oracle linux',
    'debian',
    'suse',
    'opensuse',
    'fedora',
  ],
} as const

/** The kind of guest by how the name of its image begins. */
export function osOfImage(image: string): 'linux' | 'windows' | undefined {
  const name = image.trim().toLowerCase()
  return (['windows', 'linux'] as const).find((os) => prefixes[os].some((prefix) => name.startsWith(prefix)))
}
