import { carryCatalogue } from './cloud-images-catalogue.ts'
import { carryCloudInit } from './cloud-images-cloudinit.ts'
import { carryInstances } from './cloud-images-instances.ts'
import { cloudImageSettings } from './cloud-images-settings.ts'
import { Carrier, type Found, found } from './carrier.ts'
import { SpecDraft } from './draft.ts'
import type { Importer } from './importer.ts'
import { type Places, carryPlaces } from './cloud-images-places.ts'
import { carrySnapshot, definitionsOf, warnOfSwitches } from './kvm-hosts.ts'
import { tellNoEqual, tellUnknown } from './leftovers.ts'
import type { Notes } from './notes.ts'
import { invalid } from './invalid.ts'
import { asFlag, asIpv4, asList, asOneOf, asText, asWhole, type Reader } from './readers.ts'
import type { Plain } from './draft.ts'
import type { Scope } from '../spec/ansible/scope.ts'
import { recogniseByNames } from './recognise.ts'
import type { SourceFiles } from '../spec/ansible/source.ts'

const ownNames = [
  'kvm_cloud_image_catalog',
  'kvm_image_cache_path',
  'kvm_instance_disk_pool_path',
  'kvm_image_manifest_refresh_policy',
  'kvm_cloud_init_workspace_path',
  'kvm_default_cloud_init_user',
  'kvm_hypervisors',
]

/** Machines from cloud images on KVM. */
export const cloudImages: Importer = {
  id: 'cloud-images',
  title: 'cloud images on KVM',
  page: 'cloud-images',
  settings: cloudImageSettings,
  recognise: (source) => recogniseByNames(source, ownNames),
  convert,
}

function convert(source: SourceFiles, notes: Notes): SpecDraft {
  const { scope } = source
  const carrier = new Carrier(new SpecDraft('cloud-images'), notes)
  const definitions = definitionsOf(scope)
  if (definitions?.kind !== 'list' || definitions.items.length === 0) {
    const place = definitions?.place ?? { file: source.files[0]?.name ?? '', line: 1 }
    throw invalid(place, 'has no `kvm_instance_definitions`', 'Give the file that lists the instances too.')
  }
  const old = scope.written('kvm_template_catalog')
  if (old !== undefined)
    carrier.warn(
      old.place,
      'kvm_template_catalog is of template clones, and refused beside cloud images: it is left out',
    )
  const places: Places = carryPlaces(carrier, source)
  carryCatalogue(carrier, scope)
  carryImagePolicy(carrier, scope)
  carryNetworkDefaults(carrier, scope)
  carryMachineDefaults(carrier, scope)
  carryReady(carrier, scope)
  carryCloudInit(carrier, ['defaults'], (key) => get(scope, `kvm_default_${key}`), 'defaults')
  carrySnapshot(carrier, scope)
  carryInstances(carrier, scope, places)
  warnOfSwitches(carrier, scope)
  warnOfStage(carrier, scope)
  tellNoEqual(carrier, [scope], cloudImageSettings)
  tellUnknown(carrier, source, [scope], cloudImageSettings)
  return carrier.draft
}

const get = (scope: Scope, name: string): Found | undefined => found(name, scope.get(name))

/** Writes a setting, or what the old system took where none is given and the spec's own default is another. */
function carryOr<T extends Plain>(
  carrier: Carrier,
  path: readonly string[],
  setting: { readonly name: string; readonly found: Found | undefined; readonly fallback: Plain },
  read: Reader<T>,
  write?: (value: T) => Plain | undefined,
): T | undefined {
  if (setting.found !== undefined) return carrier.carry(path, setting.found, read, write)
  carrier.builtin(path, setting.fallback, setting.name)
  return undefined
}

function carryImagePolicy(carrier: Carrier, scope: Scope): void {
  const at = ['imagePolicy']
  const policy = get(scope, 'kvm_image_manifest_refresh_policy')
  const word = carrier.read([...at, 'refresh'], policy, asOneOf(['on-demand', 'always']))
  const force = get(scope, 'kvm_force_manifest_refresh')
  const isForced = carrier.read([...at, 'refresh'], force, asFlag) === true
  if (isForced && force !== undefined) carrier.put([...at, 'refresh'], 'always', force)
  else if (policy !== undefined && word === 'always') carrier.put([...at, 'refresh'], 'always', policy)
  else {
    carrier.notes.add(
      'decided',
      policy?.value.place,
      'on-demand fetched the checksum manifests in every full run all the same; here they are asked for again after 24 hours: `imagePolicy.refresh` changes that',
    )
    if (policy !== undefined) carrier.put([...at, 'refresh'], '24h', policy)
  }
  carrier.carry([...at, 'verifyCached'], get(scope, 'kvm_image_cache_verify_on_run'), asFlag)
  carrier.carry([...at, 'repair'], get(scope, 'kvm_image_cache_repair_on_checksum_mismatch'), asFlag)
  carrier.carry([...at, 'allowNocloud'], get(scope, 'kvm_allow_nocloud_images'), asFlag)
}

function carryNetworkDefaults(carrier: Carrier, scope: Scope): void {
  const at = ['networks', 'guests']
  const setting = (name: string, fallback: Plain) => ({ name, found: get(scope, name), fallback })
  carryOr(carrier, [...at, 'use'], setting('kvm_default_libvirt_network_name', 'default'), asText)
  carryOr(carrier, [...at, 'gateway4'], setting('kvm_default_guest_network_gateway', '192.168.122.1'), asIpv4)
  carryOr(
    carrier,
    [...at, 'dns'],
    setting('kvm_default_guest_dns_servers', ['1.1.1.1', '8.8.8.8']),
    asList(asIpv4),
  )
  carrier.draft.set(['defaults', 'network'], 'guests')
}

function carryMachineDefaults(carrier: Carrier, scope: Scope): void {
  const disk = ['defaults', 'rootDisk']
  const size = {
    name: 'kvm_default_root_disk_size_gb',
    found: get(scope, 'kvm_default_root_disk_size_gb'),
    fallback: '20GiB',
  }
  carryOr(carrier, [...disk, 'size'], size, asWhole, (gib) => `${gib}GiB`)
  carrier.builtin([...disk, 'mode'], 'copy', 'root disks were full copies of the image')
  const extension = get(scope, 'kvm_default_instance_disk_extension')
  carrier.carry([...disk, 'extension'], extension, asText, (text) => (text === 'qcow2' ? undefined : text))
  carrier.carry(['defaults', 'singleSocket'], get(scope, 'kvm_force_single_socket_vcpu_topology'), asFlag)
}

function carryReady(carrier: Carrier, scope: Scope): void {
  const at = ['defaults', 'ready']
  const wait = get(scope, 'kvm_wait_for_instance_ssh')
  const gate = get(scope, 'kvm_wait_for_cloud_init_before_snapshot')
  const waits = wait === undefined || carrier.read([...at, 'rungs'], wait, asFlag) !== false
  const isGated = gate === undefined || carrier.read([...at, 'rungs'], gate, asFlag) !== false
  const port = waits ? ['address', 'port'] : []
  const login = isGated ? ['ssh', 'cloud-init'] : []
  const rungs = ['started', ...port, ...login]
  const origin = (!waits ? wait : undefined) ?? gate ?? wait
  if (origin === undefined)
    carrier.builtin([...at, 'rungs'], rungs, 'kvm_wait_for_cloud_init_before_snapshot')
  else carrier.put([...at, 'rungs'], rungs, origin)
  for (const setting of [wait, gate])
    if (setting !== undefined)
      carrier.notes.add('taken', setting.value.place, `${setting.name} is defaults.ready.rungs`)
  const seconds = (value: number): string => `${value}s`
  const timeouts = [...at, 'timeouts']
  const limit = get(scope, 'kvm_wait_for_ssh_timeout_seconds')
  const setting = { name: 'kvm_wait_for_ssh_timeout_seconds', found: limit, fallback: '180s' }
  carryOr(carrier, [...timeouts, 'port'], setting, asWhole, seconds)
  carrier.carry(
    [...timeouts, 'cloud-init'],
    get(scope, 'kvm_wait_for_cloud_init_timeout_seconds'),
    asWhole,
    seconds,
  )
  const agent = get(scope, 'kvm_qemu_guest_agent_wait_timeout_seconds')
  if (carrier.carry([...timeouts, 'agent'], agent, asWhole, seconds) !== undefined) {
    carrier.notes.add(
      'decided',
      agent?.value.place,
      'readiness is seen over SSH; to see it through the guest agent, add `agent` to `defaults.ready.rungs` and qemu-guest-agent to the packages',
    )
  }
}

function warnOfStage(carrier: Carrier, scope: Scope): void {
  const stage = scope.get('kvm_provision_stage')
  if (stage?.kind === 'scalar' && stage.value !== 'full')
    carrier.warn(
      stage.place,
      'kvm_provision_stage is not `full`: give it to each run as `vmwright apply --stage`',
    )
}
