import { type Carrier, type Found, found } from './carrier.ts'
import { cloudImageSettings } from './cloud-images-settings.ts'
import { carryAccess, carryHost, carryKvmHost, keyOf } from './kvm-hosts.ts'
import { tellUnknownKeys } from './leftovers.ts'
import { asFlag, asText, asWhole } from './readers.ts'
import type { Scope } from '../spec/ansible/scope.ts'
import type { SourceFiles } from '../spec/ansible/source.ts'
import { entriesOf, itemsOf, type Value } from '../spec/ansible/value.ts'

/** What an instance needs to know of the hosts. */
export interface Places {
  /** Keys in `hosts` by the name in the files, in their order. */
  readonly hosts: ReadonlyMap<string, string>
  /** Key in `pools` by key of the host; nothing when there is one pool. */
  readonly pools: ReadonlyMap<string, string>
}

/** Hosts and pools: the one of `kvm_hypervisor_host`, or those of `kvm_hypervisors`, which came later. */
export function carryPlaces(carrier: Carrier, source: SourceFiles): Places {
  const { scope } = source
  const list = itemsOf(scope.get('kvm_hypervisors'))
  if (list.length === 0) {
    const key = carryKvmHost(carrier, source, scope)
    carryHostSettings(carrier, key, scope, new Map())
    carryPool(carrier, 'instances', get(scope, 'kvm_instance_disk_pool_path'))
    const name = found('kvm_hypervisor_host', scope.get('kvm_hypervisor_host'))
    const known = name?.value.kind === 'scalar' ? String(name.value.value) : key
    return { hosts: new Map([[known, key]]), pools: new Map() }
  }
  const hosts = new Map<string, string>()
  const pools = new Map<string, string>()
  const isDivided = list.some((host) => filled(entriesOf(host).get('instance_disk_pool_path')) !== undefined)
  for (const host of list) {
    const entries = entriesOf(host)
    tellUnknownKeys(carrier, 'hypervisor', host, cloudImageSettings)
    const pick = (key: string, fallback?: string): Found | undefined =>
      found(`kvm_hypervisors[].${key}`, filled(entries.get(key))) ??
      (fallback === undefined ? undefined : found(fallback, filled(scope.get(fallback))))
    const name = pick('name')
    const key = carryHost(carrier, {
      name,
      address: pick('address') ?? name,
      user: pick('user', 'kvm_hypervisor_user'),
      port: pick('ssh_port', 'kvm_hypervisor_ssh_port'),
      keyFile: pick('ssh_private_key_file', 'kvm_hypervisor_ssh_private_key_file'),
      uri: pick('libvirt_connection_uri', 'kvm_libvirt_connection_uri'),
    })
    hosts.set(name?.value.kind === 'scalar' ? String(name.value.value) : key, key)
    carryHostSettings(carrier, key, scope, entries)
    const pool = isDivided ? keyOf(key) : 'instances'
    carryPool(carrier, pool, pick('instance_disk_pool_path', 'kvm_instance_disk_pool_path'))
    if (isDivided) pools.set(key, pool)
  }
  return { hosts, pools }
}

const get = (scope: Scope, name: string): Found | undefined => found(name, scope.get(name))

/** An empty text of a host stands for the default of all. */
const filled = (value: Value | undefined): Value | undefined =>
  value?.kind === 'scalar' && (value.value === '' || value.value === null) ? undefined : value

function carryHostSettings(
  carrier: Carrier,
  key: string,
  scope: Scope,
  own: ReadonlyMap<string, Value>,
): void {
  const at = ['hosts', key]
  const cache =
    found('kvm_hypervisors[].image_cache_path', filled(own.get('image_cache_path'))) ??
    get(scope, 'kvm_image_cache_path')
  if (cache === undefined)
    carrier.builtin([...at, 'imageCache'], '/var/lib/libvirt/images/cache', 'kvm_image_cache_path')
  else carrier.carry([...at, 'imageCache'], cache, asText, withoutSlash)
  carrier.carry([...at, 'parallel'], get(scope, 'kvm_parallel_instance_workers'), asWhole)
  const start = get(scope, 'kvm_auto_start_required_libvirt_networks')
  carrier.carry([...at, 'startInactiveNetworks'], start, asFlag)
  carryAccess(carrier, key, scope)
}

function carryPool(carrier: Carrier, key: string, folder: Found | undefined): void {
  const path = ['pools', key, 'path']
  if (folder === undefined)
    carrier.builtin(path, '/var/lib/libvirt/images/instances', 'kvm_instance_disk_pool_path')
  else carrier.carry(path, folder, asText, withoutSlash)
}

const withoutSlash = (path: string): string => path.replace(/(?<=.)\/+$/, '')
