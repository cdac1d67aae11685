import { type Carrier, type Found, found } from './carrier.ts'
import { asFlag, asText, asWhole } from './readers.ts'
import type { Scope } from '../spec/ansible/scope.ts'
import type { SourceFiles } from '../spec/ansible/source.ts'
import { entriesOf, type Value } from '../spec/ansible/value.ts'

/** Names that the shipped files have in the place of a host. */
const placeholder = /^change-me|\.example(\.local|\.com)?$/

export interface HostSettings {
  readonly name?: Found | undefined
  readonly address: Found | undefined
  readonly user?: Found | undefined
  readonly port?: Found | undefined
  readonly keyFile?: Found | undefined
  readonly uri?: Found | undefined
}

/** The one hypervisor of `kvm_hypervisor_host`, as the inventory reaches it. Returns its key in `hosts`. */
export function carryKvmHost(carrier: Carrier, source: SourceFiles, scope: Scope): string {
  const address = found('kvm_hypervisor_host', scope.get('kvm_hypervisor_host'))
  const name = carrier.read(['hosts'], address, asText)
  const own = name === undefined ? undefined : source.inventory.hosts.get(name)?.vars
  const ansible = (setting: string): Found | undefined =>
    found(setting, own === undefined ? undefined : resolved(scope, own.entries.get(setting)))
  const connection = ansible('ansible_connection')
  const isLocal = connection?.value.kind === 'scalar' && connection.value.value === 'local'
  return carryHost(carrier, {
    name: address,
    address: isLocal ? undefined : (ansible('ansible_host') ?? address),
    user: ansible('ansible_user'),
    port: ansible('ansible_port'),
    keyFile: ansible('ansible_ssh_private_key_file'),
    uri: found('kvm_libvirt_connection_uri', scope.get('kvm_libvirt_connection_uri')),
  })
}

const resolved = (scope: Scope, value: Value | undefined): Value | undefined =>
  value === undefined ? undefined : scope.resolve(value)

/** Writes `hosts.<key>.uri`: over SSH, or local. Returns the key. */
export function carryHost(carrier: Carrier, host: HostSettings): string {
  const at = ['hosts']
  const named = carrier.read(at, host.name, asText)
  const address = carrier.read(at, host.address, asText)
  const key = keyOf(named ?? address ?? 'local')
  const path = ['hosts', key, 'uri']
  const local = address === undefined || ['localhost', '127.0.0.1', '::1'].includes(address)
  const tail = tailOf(carrier, host.uri, path)
  if (tail === undefined) return key
  if (local) {
    if (host.name === undefined) carrier.builtin(path, `qemu://${tail}`, 'kvm_hypervisor_host')
    else carrier.put(path, `qemu://${tail}`, host.name)
    return key
  }
  const user = carrier.read(path, host.user, asText)
  const port = carrier.read(path, host.port, asWhole)
  const keyFile = carrier.read(path, host.keyFile, asText)
  const login = user === undefined ? '' : `${encodeURIComponent(user)}@`
  const usual = port === undefined || port === 22 ? '' : `:${port}`
  const query = keyFile === undefined ? '' : `?keyfile=${encodeURI(keyFile)}`
  const uri = `qemu+ssh://${login}${address}${usual}${tail}${query}`
  if (host.address !== undefined) carrier.put(path, uri, host.address)
  for (const setting of [host.user, host.port, host.keyFile])
    if (setting !== undefined)
      carrier.notes.add('taken', setting.value.place, `${setting.name} is part of hosts.${key}.uri`)
  if (placeholder.test(address))
    carrier.warn(
      host.address?.value.place,
      `${host.address?.name} is a placeholder: write the name of your host`,
    )
  return key
}

/** `/system` or `/session`; the files name the URI as it is on the host itself. */
function tailOf(carrier: Carrier, uri: Found | undefined, path: readonly string[]): string | undefined {
  if (uri === undefined) return '/system'
  const text = carrier.read(path, uri, asText)
  if (text === undefined) return undefined
  const tail = /^qemu:\/\/(\/system|\/session)$/.exec(text)?.[1]
  if (tail !== undefined) return tail
  if (/^qemu\+\w+:\/\/[^/]*(\/system|\/session)/.test(text)) {
    carrier.put(path, text, uri)
    return undefined
  }
  carrier.read(path, uri, (value, ask) => void ask(value, '`qemu:///system` or `qemu:///session`'))
  return '/system'
}

export const keyOf = (text: string): string =>
  text
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63) || 'host'

/** The user that runs the guests, and whether it may be given access (T9). */
export function carryAccess(carrier: Carrier, host: string, scope: Scope): void {
  const at = ['hosts', host]
  const get = (name: string): Found | undefined => found(name, scope.get(name))
  carrier.carry([...at, 'runtimeUser'], get('kvm_libvirt_runtime_user'), asText)
  const repair = get('kvm_auto_fix_runtime_pool_access')
  if (repair === undefined) carrier.builtin([...at, 'repairAccess'], true, 'kvm_auto_fix_runtime_pool_access')
  else carrier.carry([...at, 'repairAccess'], repair, asFlag)
}

/** Settings of an instance: its own, those of its profile, those of all; the first that is there. */
export function layered(
  layers: readonly { readonly name: string; readonly entries: ReadonlyMap<string, Value> }[],
  scope: Scope,
): (key: string, variable?: string) => Found | undefined {
  return (key, variable) => {
    for (const layer of layers) {
      const value = layer.entries.get(key)
      if (value !== undefined && value.kind !== 'omit' && !isEmpty(value))
        return { name: `${layer.name}.${key}`, value }
    }
    return variable === undefined ? undefined : found(variable, scope.get(variable))
  }
}

/** An empty text in a file is the same as nothing. */
const isEmpty = (value: Value): boolean =>
  value.kind === 'scalar' && (value.value === '' || value.value === null)

/** Snapshot after provisioning, alike in both systems. */
export function carrySnapshot(carrier: Carrier, scope: Scope): void {
  const get = (name: string): Found | undefined => found(name, scope.get(name))
  const at = ['defaults', 'snapshot']
  const enabled = get('kvm_snapshot_enabled')
  if (enabled !== undefined && carrier.read(at, enabled, asFlag) === false) {
    carrier.put(at, false, enabled)
    return
  }
  if (enabled !== undefined)
    carrier.notes.add('taken', enabled.value.place, 'kvm_snapshot_enabled is defaults.snapshot')
  const name = get('kvm_snapshot_name')
  if (name === undefined) carrier.builtin([...at, 'name'], 'snapshot-a', 'kvm_snapshot_name')
  else carrier.carry([...at, 'name'], name, asText)
  carrier.carry([...at, 'description'], get('kvm_snapshot_description'), asText)
  carrier.carry([...at, 'startAfterwards'], get('kvm_start_instances_after_snapshot'), asFlag)
}

/** Switches that were set so that a run does something without being asked; here it is asked each time. */
export function warnOfSwitches(carrier: Carrier, scope: Scope): void {
  for (const [name, what] of [
    ['kvm_execute_mutation_phases_in_check_mode', '`plan` never changes anything, use `apply`'],
    ['kvm_cleanup_confirmed', '`destroy` still wants `--yes` each time'],
    ['kvm_cleanup_remove_instance_disks', '`destroy` still wants `--disks` each time'],
  ] as const) {
    const value = scope.get(name)
    if (value !== undefined && asFlag(value, () => undefined) === true)
      carrier.warn(value.place, `${name} is true: ${what}`)
  }
}

export const definitionsOf = (scope: Scope): Value | undefined => scope.get('kvm_instance_definitions')

/** Profiles of a catalogue, by their key. */
export const profilesOf = (scope: Scope, catalogue: string): ReadonlyMap<string, Value> =>
  entriesOf(scope.get(catalogue))
