import { Carrier, type Found, found } from './carrier.ts'
import { decideForClusters, warnOfVariables, withoutEffect } from './clusters-decisions.ts'
import { carryClusterImage } from './clusters-image.ts'
import { carryClusterNetwork, prefixOf } from './clusters-network.ts'
import { clusterForms, clusterSettings, type FormSetting, namedClusterSettings } from './clusters-settings.ts'
import { SpecDraft } from './draft.ts'
import type { Importer } from './importer.ts'
import { carryHost } from './kvm-hosts.ts'
import { tellNoEqual, tellUnknown } from './leftovers.ts'
import type { Notes } from './notes.ts'
import { invalid } from './invalid.ts'
import { asIpv4, asKey, asText, asWhole, type Reader, refused } from './readers.ts'
import type { Scope } from '../spec/ansible/scope.ts'
import { type Recognition, recogniseByNames } from './recognise.ts'
import type { SourceFiles } from '../spec/ansible/source.ts'
import { entriesOf, itemsOf, type Value } from '../spec/ansible/value.ts'

const ownNames = namedClusterSettings.map(({ name }) => name).filter((name) => name !== 'ssh_pub_key')

/** Clusters of machines on a KVM host. */
export const clusters: Importer = {
  id: 'clusters',
  title: 'clusters on a KVM host',
  page: 'clusters',
  settings: clusterSettings,
  recognise,
  convert,
}

function recognise(source: SourceFiles): Recognition | undefined {
  const byNames = recogniseByNames(source, ownNames)
  const group = source.inventory.groups.get('vmhost')
  if (group === undefined) return byNames
  const reason = `the group vmhost at ${group.place.file}:${group.place.line}`
  return { score: (byNames?.score ?? 0) + 1, reasons: [...(byNames?.reasons ?? []), reason] }
}

function convert(source: SourceFiles, notes: Notes): SpecDraft {
  const carrier = new Carrier(new SpecDraft('clusters'), notes)
  const names = hostNames(source)
  const scopes = names.map((name) => source.scopeOfHost(name))
  const used: { readonly name: string }[] = []
  let machines = 0
  for (const [index, name] of names.entries()) {
    const scope = scopes[index] ?? source.scope
    const forms = formsOf(scope)
    for (const setting of Object.values(forms)) if (setting !== undefined) used.push({ name: setting.name })
    const key = carryVmHost(carrier, source, name, scope)
    if (index === 0) carryCluster(carrier, scope, forms)
    machines += carryVms(carrier, scope, forms, names.length > 1 ? key : undefined)
    warnOfVariables(carrier, scope)
  }
  if (machines === 0) {
    throw invalid(
      { file: source.files[0]?.name ?? '', line: 1 },
      'has no list of machines with `name` and `ip`',
    )
  }
  decideForClusters(carrier)
  const known = [...clusterSettings, ...used.map(({ name }) => ({ name, to: '' }))]
  tellNoEqual(
    carrier,
    scopes,
    clusterSettings.filter(({ name }) => !withoutEffect.includes(name)),
  )
  tellUnknown(carrier, source, scopes, known)
  return carrier.draft
}

/** The hosts of the group `vmhost`, else those that have variables of their own, else one without a name. */
function hostNames(source: SourceFiles): readonly string[] {
  const group = source.inventory.groups.get('vmhost')?.hosts ?? []
  if (group.length > 0) return group
  const own = source.files.flatMap(({ role }) => (role.kind === 'host-vars' ? [role.host] : []))
  return own.length > 0 ? [...new Set(own)] : ['localhost']
}

export type Forms = { readonly [K in keyof typeof clusterForms]: Found | undefined }

/** The first variable of each form, in the order of the files. */
function formsOf(scope: Scope): Forms {
  const certain = new Set(namedClusterSettings.map(({ name }) => name))
  const names = scope.names.filter((name) => !certain.has(name) && !name.startsWith('ansible_'))
  const first = ({ form }: FormSetting): Found | undefined => {
    const name = names.find((each) => form.test(each))
    return name === undefined ? undefined : found(name, scope.get(name))
  }
  const vms = names.find((name) => isVmList(scope.get(name)))
  return {
    ...(Object.fromEntries(
      Object.entries<FormSetting>(clusterForms).map(([key, setting]) => [key, first(setting)]),
    ) as Forms),
    vms: vms === undefined ? undefined : found(vms, scope.get(vms)),
  }
}

const isVmList = (value: Value | undefined): boolean =>
  itemsOf(value).length > 0 &&
  itemsOf(value).every((item) => entriesOf(item).has('name') && entriesOf(item).has('ip'))

function carryVmHost(carrier: Carrier, source: SourceFiles, name: string, scope: Scope): string {
  const place = source.inventory.hosts.get(name)?.place ?? { file: source.files[0]?.name ?? '', line: 1 }
  const host: Found = { name: 'host of vmhost', value: { kind: 'scalar', value: name, place, literal: true } }
  const ansible = (setting: string): Found | undefined => found(setting, scope.get(setting))
  const connection = ansible('ansible_connection')?.value
  const isLocal = connection?.kind === 'scalar' && connection.value === 'local'
  return carryHost(carrier, {
    name: host,
    address: isLocal ? undefined : (ansible('ansible_host') ?? host),
    user: ansible('ansible_user'),
    port: ansible('ansible_port'),
    keyFile: ansible('ansible_ssh_private_key_file'),
  })
}

/** What all machines share, from the variables of the first host. */
function carryCluster(carrier: Carrier, scope: Scope, forms: Forms): void {
  const get = (name: string): Found | undefined => found(name, scope.get(name))
  carryClusterImage(carrier, forms)
  carryClusterNetwork(carrier, scope, forms.network)
  carryPool(carrier, forms)
  const defaults = ['defaults']
  carrier.draft.set([...defaults, 'image'], 'cluster')
  carrier.carry([...defaults, 'vcpus'], forms.cpus, asWhole)
  carrier.carry([...defaults, 'memory'], forms.memory, asSize(forms.memory))
  carrier.carry([...defaults, 'rootDisk', 'size'], forms.disk, asSize(forms.disk))
  carrier.builtin([...defaults, 'rootDisk', 'mode'], 'copy', 'each machine had a full copy of the image')
  carrier.carry([...defaults, 'cloudInit', 'user', 'sshKeys'], get('ssh_pub_key'), asKeys)
  carrier.secret([...defaults, 'cloudInit', 'rootPassword'], forms.rootPassword, 'ROOT_PASSWORD')
  carryCertificate(carrier, get('domain_ca_cert'))
  carrier.draft.set([...defaults, 'snapshot'], false, 'there were no snapshots')
}

function carryPool(carrier: Carrier, forms: Forms): void {
  const at = ['pools', 'cluster']
  if (carrier.carry([...at, 'path'], forms.pool, asText) === undefined) return
  carrier.carry([...at, 'name'], forms.poolName, asText)
  const reason = 'as the old template has it'
  carrier.draft.set([...at, 'mode'], '0755', reason)
  carrier.draft.set([...at, 'owner'], 0, reason)
  carrier.draft.set([...at, 'group'], 0, reason)
}

/** A key, or the path of a file with keys. */
const asKeys: Reader<readonly (string | { readonly file: string })[]> = (value, ask) => {
  if (value.kind === 'list') return value.items.flatMap((item) => asKeys(item, ask) ?? [])
  const key = asKey(value, ask)
  if (typeof key !== 'string') return key === undefined ? undefined : [key as { readonly file: string }]
  return [/^(ssh|ecdsa|sk)-\S+ /.test(key) ? key : { file: key }]
}

/** `2048` under a name with a unit, or `2 GiB`. A number without a unit is not guessed. */
function asSize(setting: Found | undefined): Reader<string> {
  const unit = /_(mi?b|gi?b)$/i.exec(setting?.name ?? '')?.[1]?.[0]?.toUpperCase()
  return (value, ask) => {
    const text = value.kind === 'scalar' ? String(value.value).trim() : ''
    const match = /^(\d+)\s*([MG])?(?:i?B)?$/i.exec(text)
    const letter = match?.[2]?.toUpperCase() ?? unit
    if (match === null || letter === undefined) return refused(value, ask, 'a size with a unit')
    return `${match[1]}${letter}iB`
  }
}

function carryCertificate(carrier: Carrier, setting: Found | undefined): void {
  const at = ['defaults', 'cloudInit']
  const path =
    setting?.value.kind === 'file' ? setting.value.path : carrier.read([...at, 'writeFiles'], setting, asText)
  if (setting === undefined || path === undefined) return
  const name = (path.split('/').at(-1) ?? 'cluster').replace(/\.(crt|pem|cer)$/, '')
  const target = `/usr/local/share/ca-certificates/${name.replaceAll(/[^\w.-]/g, '-')}.crt`
  carrier.put([...at, 'writeFiles'], [{ path: target, content: { file: path } }], setting)
  carrier.put([...at, 'runcmd'], [['update-ca-certificates']], setting)
  carrier.notes.add(
    'decided',
    setting.value.place,
    `domain_ca_cert was read on the VM host, where ~ is the home of root; here it is a file of this machine: copy it to ${path}, seen from the spec`,
  )
}

function carryVms(carrier: Carrier, scope: Scope, { vms }: Forms, host: string | undefined): number {
  const prefix = prefixOf(carrier, scope)
  let count = 0
  for (const vm of itemsOf(vms?.value)) {
    const entries = entriesOf(vm)
    const name = carrier.read(['instances'], found('name', entries.get('name')), asText)
    if (name === undefined) continue
    const at = ['instances', name]
    if (carrier.draft.has(at)) {
      carrier.warn(vm.place, `${name} is there twice; names have to differ over all hosts`)
      continue
    }
    count += 1
    carrier.draft.open(at)
    const field = (key: string): Found | undefined => found(`${name}.${key}`, entries.get(key))
    if (host !== undefined) carrier.draft.set([...at, 'host'], host)
    carrier.carry([...at, 'address'], field('ip'), asIpv4, (ip) => `${ip}/${prefix}`)
    carrier.carry([...at, 'interfaces', 0, 'mac'], field('mac'), asText)
    for (const [key, { place }] of entries) carryOwn(carrier, at, { key, place, setting: field(key) })
  }
  return count
}

/** Settings of one machine, by the same forms. */
function carryOwn(
  carrier: Carrier,
  at: readonly string[],
  {
    key,
    place,
    setting,
  }: { readonly key: string; readonly place: Value['place']; readonly setting: Found | undefined },
): void {
  if (['name', 'ip', 'mac'].includes(key)) return
  if (clusterForms.cpus.form.test(key)) carrier.carry([...at, 'vcpus'], setting, asWhole)
  else if (clusterForms.memory.form.test(key)) carrier.carry([...at, 'memory'], setting, asSize(setting))
  else if (clusterForms.disk.form.test(key))
    carrier.carry([...at, 'rootDisk', 'size'], setting, asSize(setting))
  else
    carrier.notes.add(
      'question',
      place,
      `${/^[\w.-]{1,60}$/.test(key) ? key : 'a key'}: not known here, and not taken over`,
    )
}
