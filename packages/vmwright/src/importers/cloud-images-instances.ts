import { sha1Hex } from '../lib/hash.ts'
import { type Carrier, type Found, found } from './carrier.ts'
import { profileOf } from './cloud-images-catalogue.ts'
import { carryCloudInit } from './cloud-images-cloudinit.ts'
import { carryExtraDisks } from './cloud-images-disks.ts'
import type { Places } from './cloud-images-places.ts'
import { cloudImageSettings } from './cloud-images-settings.ts'
import { definitionsOf, keyOf, layered } from './kvm-hosts.ts'
import { carryAddress } from './kvm-network.ts'
import { tellUnknownKeys } from './leftovers.ts'
import { asFlag, asOneOf, asText, asTexts, asWhole } from './readers.ts'
import type { Scope } from '../spec/ansible/scope.ts'
import { entriesOf, itemsOf, type Value } from '../spec/ansible/value.ts'

const imageKeys = /^(image_(?!profile_id)|virt_install_(?!machine_type))/

/** The instances, by name. */
export function carryInstances(carrier: Carrier, scope: Scope, places: Places): void {
  for (const [index, definition] of itemsOf(definitionsOf(scope)).entries())
    carryInstance({ carrier, scope, places }, definition, index)
}

interface Context {
  readonly carrier: Carrier
  readonly scope: Scope
  readonly places: Places
}

function carryInstance(context: Context, definition: Value, index: number): void {
  const { carrier, scope } = context
  const own = entriesOf(definition)
  const named = found('instance_name', own.get('instance_name'))
  const name = carrier.read(['instances'], named, asText)
  if (name === undefined) {
    if (named === undefined)
      carrier.notes.add(
        'question',
        definition.place,
        `kvm_instance_definitions[${index}] has no instance_name`,
      )
    return
  }
  const at = ['instances', name]
  carrier.draft.open(at)
  tellUnknownKeys(carrier, 'instance', definition, cloudImageSettings)
  for (const [key, { place }] of own)
    if (imageKeys.test(key))
      carrier.notes.add(
        'question',
        place,
        `${name}.${key} changes the image of one instance: give it an entry of its own in \`images\``,
      )
  const idSetting = found('image_profile_id', own.get('image_profile_id'))
  const id = carrier.carry([...at, 'image'], idSetting, asText)
  if (idSetting === undefined) {
    carrier.draft.question([...at, 'image'], 'image_profile_id is not set')
    carrier.notes.add('question', definition.place, `${name} has no image_profile_id`)
  }
  const profile = profileOf(scope, id)
  const layers = [
    { name, entries: own },
    // What belongs to the image is in `images`.
    ...(profile === undefined ? [] : [{ name: profile.name, entries: ownSettings(profile.value) }]),
  ]
  const pick = layered(layers, scope)
  carryPlace(context, at, pick)
  carryMachine(carrier, at, pick)
  carryAddress(carrier, at, pick)
  carryInterface(context, { at, name, id, pick })
  carrySlowBoot(context, { at, name, id, pick })
  carryExtraDisks(carrier, scope, at, pick)
  carryCloudInit(carrier, at, pick, name)
  const share = pick('cpu_share_enabled')
  if (share !== undefined && carrier.read(at, share, asFlag) === true)
    carrier.warn(
      share.value.place,
      `${name} is capped by cpu_share_enabled; there is no such cap here, so it may use all of its CPUs`,
    )
}

type Pick = (key: string, variable?: string) => Found | undefined
interface Member {
  readonly at: readonly string[]
  readonly name: string
  readonly id: string | undefined
  readonly pick: Pick
}

const ofImage = /^(image_|virt_install_|seed_device_bus$|cloud_init_user$|firmware_boot_mode$)/

const ownSettings = (profile: Value): ReadonlyMap<string, Value> =>
  new Map([...entriesOf(profile)].filter(([key]) => !ofImage.test(key)))

function carryPlace({ carrier, scope, places }: Context, at: readonly string[], pick: Pick): void {
  const wanted = pick('hypervisor')
  const isEmpty = wanted === undefined || (wanted.value.kind === 'scalar' && wanted.value.value === '')
  const name = isEmpty ? undefined : carrier.read([...at, 'host'], wanted, asText)
  const [first] = places.hosts.values()
  const host = name === undefined ? first : (places.hosts.get(name) ?? keyOf(name))
  if (name !== undefined && !places.hosts.has(name))
    carrier.warn(wanted?.value.place, `${at.at(-1)} is for a host that kvm_hypervisors does not have`)
  if (host === undefined || (places.hosts.size === 1 && name === undefined)) return
  if (wanted === undefined || isEmpty) carrier.builtin([...at, 'host'], host, 'the first of kvm_hypervisors')
  else carrier.put([...at, 'host'], host, wanted)
  const pool = places.pools.get(host)
  if (pool !== undefined) carrier.draft.set([...at, 'pool'], pool, `that of ${host}`)
  const explicit = scope.get('kvm_require_explicit_hypervisor')
  if (isEmpty && explicit?.kind === 'scalar' && explicit.value === true)
    carrier.warn(
      explicit.place,
      `${at.at(-1)} names no hypervisor although kvm_require_explicit_hypervisor is true`,
    )
}

function carryMachine(carrier: Carrier, at: readonly string[], pick: Pick): void {
  carrier.carry([...at, 'vcpus'], pick('vcpu_count'), asWhole)
  carrier.carry([...at, 'memory'], pick('memory_mb'), asWhole, (mib) => `${mib}MiB`)
  carrier.carry([...at, 'rootDisk', 'size'], pick('root_disk_size_gb'), asWhole, (gib) => `${gib}GiB`)
  carrier.carry([...at, 'rootDisk', 'extension'], pick('instance_disk_extension'), asText)
  carrier.carry([...at, 'singleSocket'], pick('force_single_socket_vcpu_topology'), asFlag)
  carrier.carry([...at, 'firmware'], pick('firmware_boot_mode'), asOneOf(['uefi', 'bios']))
  carrier.carry([...at, 'machine'], pick('virt_install_machine_type'), asText)
  carrier.carry([...at, 'seedBus'], pick('seed_device_bus'), asOneOf(['sata', 'ide', 'scsi', 'virtio']))
  carrier.carry([...at, 'ready', 'port'], pick('ssh_port'), asWhole, (port) =>
    port === 22 ? undefined : port,
  )
}

/** The network, the MAC, and the name of the first interface. */
function carryInterface({ carrier, scope }: Context, { at, name, id, pick }: Member): void {
  const wire = [...at, 'interfaces', 0]
  const network = pick('libvirt_network_name')
  const used = carrier.read([...at, 'network'], network, asText)
  if (network !== undefined && used !== undefined) carryNetwork(carrier, scope, at, { network, used })
  const mac = pick('instance_mac_address')
  if (mac !== undefined) carrier.carry([...wire, 'mac'], mac, asText)
  else {
    const hex = sha1Hex(name).slice(0, 6).match(/../g) ?? []
    carrier.draft.set([...wire, 'mac'], `52:54:00:${hex.join(':')}`, 'derived from the name, as before')
  }
  const own = pick('guest_network_interface', 'kvm_default_guest_network_interface')
  const wanted = own === undefined ? 'ens3' : carrier.read([...wire, 'rename'], own, asText)
  if (id === 'debian-12') {
    carrier.notes.add(
      'decided',
      own?.value.place,
      'interfaces of debian-12 keep their name, as before: renaming them in the first boot fails there',
    )
  } else if (own !== undefined && wanted !== undefined) carrier.put([...wire, 'rename'], wanted, own)
  else if (own === undefined)
    carrier.builtin([...wire, 'rename'], 'ens3', 'kvm_default_guest_network_interface')
  carryFallbacks({ carrier, scope }, wire, wanted)
}

/** The old system computed these and never wrote them; its documentation quotes another list than its file. */
function carryFallbacks(
  { carrier, scope }: Omit<Context, 'places'>,
  wire: readonly (string | number)[],
  first: string | undefined,
): void {
  const setting = found(
    'kvm_guest_network_interface_fallbacks',
    scope.get('kvm_guest_network_interface_fallbacks'),
  )
  if (setting === undefined) return
  carrier.carry([...wire, 'fallbackNames'], setting, asTexts, (names) => [
    ...new Set([...(first === undefined ? [] : [first]), ...names]),
  ])
  carrier.warn(
    setting.value.place,
    `${setting.name} had no effect before, and its documentation and file differ; here the interface and then these are tried where no interface has the MAC`,
  )
}

function carryNetwork(
  carrier: Carrier,
  scope: Scope,
  at: readonly string[],
  { network, used }: { readonly network: Found; readonly used: string },
): void {
  const common = scope.get('kvm_default_libvirt_network_name')
  const isCommon = common?.kind === 'scalar' ? common.value === used : used === 'default'
  const key = isCommon ? 'guests' : keyOf(used)
  if (!isCommon && !carrier.draft.has(['networks', key])) {
    carrier.put(['networks', key, 'use'], used, network)
    const gateway = found('kvm_default_guest_network_gateway', scope.get('kvm_default_guest_network_gateway'))
    carrier.carry(['networks', key, 'gateway4'], gateway, asText)
    const dns = found('kvm_default_guest_dns_servers', scope.get('kvm_default_guest_dns_servers'))
    carrier.carry(['networks', key, 'dns'], dns, asTexts)
  }
  carrier.put([...at, 'network'], key, network)
}

/** Debian 12 waits long for its network at the first boot: a longer limit for us, a shorter one for it. */
function carrySlowBoot({ carrier, scope }: Context, { at, id, pick }: Member): void {
  if (id !== 'debian-12') return
  const seconds = (value: number): string => `${value}s`
  const limit = 'kvm_debian12_network_boot_wait_timeout_seconds'
  const port = [...at, 'ready', 'timeouts', 'port']
  const setting = found(limit, scope.get(limit))
  if (setting === undefined) carrier.builtin(port, '360s', limit)
  else carrier.carry(port, setting, asWhole, seconds)
  const tune = pick(
    'cloud_init_tune_networkd_wait_online',
    'kvm_default_cloud_init_tune_networkd_wait_online',
  )
  const wait = [...at, 'cloudInit', 'networkdWaitOnline']
  if (tune !== undefined && carrier.read(wait, tune, asFlag) === false) return
  const name = 'cloud_init_networkd_wait_online_timeout_seconds'
  const own = pick(name, `kvm_default_${name}`)
  if (own === undefined) carrier.builtin(wait, '30s', `kvm_default_${name}`)
  else carrier.carry(wait, own, asWhole, seconds)
}
