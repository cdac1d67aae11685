import { Carrier, type Found, found } from './carrier.ts'
import { SpecDraft } from './draft.ts'
import type { Importer } from './importer.ts'
import {
  carryAccess,
  carryKvmHost,
  carrySnapshot,
  definitionsOf,
  layered,
  profilesOf,
  warnOfSwitches,
} from './kvm-hosts.ts'
import { carryAddress } from './kvm-network.ts'
import { tellNoEqual, tellUnknown, tellUnknownKeys } from './leftovers.ts'
import type { Notes } from './notes.ts'
import { invalid } from './invalid.ts'
import { asFlag, asOneOf, asText, asTexts, asWhole } from './readers.ts'
import type { Scope } from '../spec/ansible/scope.ts'
import { recogniseByNames } from './recognise.ts'
import type { SourceFiles } from '../spec/ansible/source.ts'
import { templateSettings } from './template-clones-settings.ts'
import { entriesOf, type Value } from '../spec/ansible/value.ts'

const ownNames = [
  'kvm_template_catalog',
  'kvm_instance_pool_path',
  'kvm_clone_workspace_path',
  'kvm_clone_mode',
  'kvm_default_clone_disk_extension',
  'kvm_template_validation_mode',
  'kvm_restart_template_instances_after_run',
]

/** Clones of template machines on KVM. */
export const templateClones: Importer = {
  id: 'template-clones',
  title: 'template clones on KVM',
  page: 'template-clones',
  settings: templateSettings,
  recognise: (source) => recogniseByNames(source, ownNames),
  convert,
}

function convert(source: SourceFiles, notes: Notes): SpecDraft {
  const { scope } = source
  const draft = new SpecDraft('template-clones')
  const carrier = new Carrier(draft, notes)
  const definitions = definitionsOf(scope)
  if (definitions?.kind !== 'list' || definitions.items.length === 0) {
    const place = definitions?.place ?? { file: source.files[0]?.name ?? '', line: 1 }
    throw invalid(place, 'has no `kvm_instance_definitions`', 'Give the file that lists the instances too.')
  }
  const host = carryKvmHost(carrier, source, scope)
  carryAccess(carrier, host, scope)
  const catalogue = new Map<string, Found>()
  for (const [key, profile] of profilesOf(scope, 'kvm_template_catalog')) {
    catalogue.set(key, { name: key, value: profile })
    tellUnknownKeys(carrier, 'profile', profile, templateSettings)
    carryTemplate(carrier, scope, key, layered([{ name: key, entries: entriesOf(profile) }], scope))
  }
  if (catalogue.size === 0)
    carrier.warn(
      definitions.place,
      '`kvm_template_catalog` is not in these files: name the templates under `templates`',
    )
  warnOfAliases(carrier, catalogue)
  carryCloning(carrier, scope)
  carryDefaults(carrier, scope)
  for (const [index, definition] of definitions.items.entries())
    carryInstance(carrier, scope, catalogue, { definition, index })
  warnOfSwitches(carrier, scope)
  tellNoEqual(carrier, [scope], templateSettings)
  tellUnknown(carrier, source, [scope], templateSettings)
  return draft
}

const get = (scope: Scope, name: string): Found | undefined => found(name, scope.get(name))

type Pick = (key: string, variable?: string) => Found | undefined

function carryTemplate(carrier: Carrier, scope: Scope, key: string, pick: Pick): void {
  const at = ['templates', key]
  carrier.draft.open(at)
  carrier.carry([...at, 'domain'], pick('template_instance_name'), asText)
  carrier.carry([...at, 'disks'], pick('template_instance_disk_files'), asTexts)
  carrier.carry([...at, 'os'], pick('guest_os_variant'), asOneOf(['debian', 'ubuntu']))
  carrier.carry([...at, 'network'], pick('guest_network_mode'), asOneOf(['ifupdown', 'netplan']))
  const wire = pick('guest_network_interface', 'kvm_default_guest_network_interface')
  carrier.carry([...at, 'interfaces'], wire, asText, (name) => [name])
  carrier.carry([...at, 'renderer'], pick('netplan_renderer'), asOneOf(['networkd', 'NetworkManager']))
  carrier.builtin([...at, 'whenRunning'], 'shut-down', 'running templates were shut down')
  const restart = get(scope, 'kvm_restart_template_instances_after_run')
  carrier.carry([...at, 'restart'], restart, asFlag)
}

/** An instance may name its template's machine instead of the profile, so that has to be unique. */
function warnOfAliases(carrier: Carrier, catalogue: ReadonlyMap<string, Found>): void {
  const owners = new Map<string, string>()
  for (const [key, { value }] of catalogue) {
    const domain = entriesOf(value).get('template_instance_name')
    if (domain?.kind !== 'scalar') continue
    const first = owners.get(String(domain.value))
    if (first === undefined) owners.set(String(domain.value), key)
    else {
      carrier.warn(
        domain.place,
        `the templates ${first} and ${key} are of one machine, which the old system refuses; instances have to name the key`,
      )
    }
  }
}

function carryCloning(carrier: Carrier, scope: Scope): void {
  const at = ['cloning']
  carrier.carry([...at, 'mode'], get(scope, 'kvm_clone_mode'), asOneOf(['auto', 'sequential', 'parallel']))
  carrier.carry([...at, 'validate'], get(scope, 'kvm_template_validation_mode'), asOneOf(['always', 'once']))
  const pool = get(scope, 'kvm_instance_pool_path')
  const poolPath = ['pools', 'instances', 'path']
  const folder = carrier.carry(poolPath, pool, asText, withoutSlash)
  if (pool === undefined) carrier.builtin(poolPath, '/var/lib/libvirt/images', 'kvm_instance_pool_path')
  const workspace = get(scope, 'kvm_clone_workspace_path')
  const written = carrier.read([...at, 'workspace'], workspace, asText)
  if (workspace === undefined || written === undefined) return
  if (withoutSlash(written) === withoutSlash(folder ?? '/var/lib/libvirt/images')) {
    carrier.warn(workspace.value.place, 'kvm_clone_workspace_path is the pool itself, so it is left out')
    return
  }
  carrier.put([...at, 'workspace'], withoutSlash(written), workspace)
  carrier.notes.add(
    'decided',
    workspace.value.place,
    'kvm_clone_workspace_path held small files and now holds copies until they are complete: it needs the room of one clone for each copy at a time; without it they are made in the pool',
  )
  carrier.carry([...at, 'emptyWorkspace'], get(scope, 'kvm_cleanup_workspace_path_after_run'), asFlag)
}

const withoutSlash = (path: string): string => path.replace(/(?<=.)\/+$/, '')

function carryDefaults(carrier: Carrier, scope: Scope): void {
  const network = ['networks', 'guests']
  carrier.decide(
    [...network, 'use'],
    'default',
    undefined,
    'clones were attached as their template is; here `networks.guests.use` names the network of the host: set it if it is not `default`',
  )
  const gateway = get(scope, 'kvm_default_guest_network_gateway')
  if (gateway === undefined)
    carrier.builtin([...network, 'gateway4'], '192.168.24.1', 'kvm_default_guest_network_gateway')
  else carrier.carry([...network, 'gateway4'], gateway, asText)
  const dns = get(scope, 'kvm_default_guest_dns_servers')
  if (dns === undefined)
    carrier.builtin([...network, 'dns'], ['1.1.1.1', '8.8.8.8'], 'kvm_default_guest_dns_servers')
  else carrier.carry([...network, 'dns'], dns, asTexts)
  const extension = get(scope, 'kvm_default_clone_disk_extension')
  carrier.carry(['defaults', 'rootDisk', 'extension'], extension, asText, (text) =>
    text === 'qcow2' ? undefined : text,
  )
  const wait = get(scope, 'kvm_wait_for_instance_ssh')
  const rungs = ['defaults', 'ready', 'rungs']
  const waits = wait === undefined ? true : carrier.read(rungs, wait, asFlag)
  const wanted = waits === false ? ['started'] : ['started', 'address', 'port']
  if (wait === undefined) carrier.builtin(rungs, wanted, 'kvm_wait_for_instance_ssh')
  else carrier.put(rungs, wanted, wait)
  if (waits !== false)
    carrier.builtin(['defaults', 'ready', 'timeouts', 'port'], '180s', 'the wait for the port of SSH')
  carrySnapshot(carrier, scope)
}

function carryInstance(
  carrier: Carrier,
  scope: Scope,
  catalogue: ReadonlyMap<string, Found>,
  { definition, index }: { readonly definition: Value; readonly index: number },
): void {
  const own = entriesOf(definition)
  const named = found('instance_name', own.get('instance_name'))
  const shown = `kvm_instance_definitions[${index}]`
  const name = carrier.read(['instances'], named, asText)
  if (name === undefined) {
    if (named === undefined) carrier.notes.add('question', definition.place, `${shown} has no instance_name`)
    return
  }
  const at = ['instances', name]
  carrier.draft.open(at)
  tellUnknownKeys(carrier, 'instance', definition, templateSettings)
  const profileId = found('template_profile_id', own.get('template_profile_id'))
  const id = carrier.read([...at, 'template'], profileId, asText)
  const profile = id === undefined ? undefined : profileFor(catalogue, id)
  const layers = [
    { name, entries: own },
    ...(profile === undefined ? [] : [{ name: profile.name, entries: entriesOf(profile.value) }]),
  ]
  const pick = layered(layers, scope)
  const ownPick = layered([{ name, entries: own }], scope)
  if (
    ['template_instance_name', 'template_instance_disk_files', 'guest_os_variant'].some((key) => own.has(key))
  ) {
    const key = `${name}-template`
    // The disks of the profile belong to its machine; of another machine those that it has are taken.
    const isOther = own.has('template_instance_name') && !own.has('template_instance_disk_files')
    carryTemplate(carrier, scope, key, (setting, variable) =>
      isOther && setting === 'template_instance_disk_files' ? undefined : pick(setting, variable),
    )
    carrier.decide(
      [...at, 'template'],
      key,
      definition.place,
      `${name} changes its template, so that it has one of its own`,
    )
  } else if (profileId === undefined) {
    carrier.draft.question([...at, 'template'], 'template_profile_id is not set')
    carrier.notes.add('question', definition.place, `${name} has no template_profile_id`)
  } else if (id !== undefined) carrier.put([...at, 'template'], profile?.name ?? id, profileId)
  if (id !== undefined && catalogue.size > 0 && profile === undefined)
    carrier.warn(profileId?.value.place, `${name} wants a template that the catalogue does not have`)
  carrier.carry([...at, 'vcpus'], ownPick('vcpu_count'), asWhole)
  carrier.carry([...at, 'memory'], ownPick('memory_mb'), asWhole, (mib) => `${mib}MiB`)
  carryAddress(carrier, at, pick)
  const guest = [...at, 'guest']
  carrier.carry([...guest, 'network'], ownPick('guest_network_mode'), asOneOf(['ifupdown', 'netplan']))
  carrier.carry([...guest, 'interfaces'], ownPick('guest_network_interface'), asText, (wire) => [wire])
  carrier.carry([...guest, 'renderer'], ownPick('netplan_renderer'), asOneOf(['networkd', 'NetworkManager']))
  carrier.carry([...at, 'ready', 'port'], pick('ssh_port'), asWhole, (port) =>
    port === 22 ? undefined : port,
  )
  carrier.carry([...at, 'rootDisk', 'extension'], pick('clone_disk_extension'), asText)
  if (own.get('instance_name') !== undefined && pick('template_instance_name')?.value.kind === 'scalar') {
    const domain = pick('template_instance_name')?.value
    if (domain?.kind === 'scalar' && domain.value === name)
      carrier.warn(
        named?.value.place,
        `${name} bears the name of its template's machine, which both systems refuse`,
      )
  }
}

/** By key, else by the name of the machine. */
function profileFor(catalogue: ReadonlyMap<string, Found>, id: string): Found | undefined {
  const aliases = [...catalogue.values()].filter(({ value }) => {
    const domain = entriesOf(value).get('template_instance_name')
    return domain?.kind === 'scalar' && domain.value === id
  })
  return catalogue.get(id) ?? (aliases.length === 1 ? aliases[0] : undefined)
}
