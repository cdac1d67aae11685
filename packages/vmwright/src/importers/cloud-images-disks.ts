import { type Carrier, type Found, found } from './carrier.ts'
import { cloudImageSettings } from './cloud-images-settings.ts'
import { layered } from './kvm-hosts.ts'
import { tellUnknownKeys } from './leftovers.ts'
import { asFlag, asOneOf, asText, asWhole } from './readers.ts'
import type { Scope } from '../spec/ansible/scope.ts'
import { entriesOf, itemsOf, type Value } from '../spec/ansible/value.ts'

type Pick = (key: string, variable?: string) => Found | undefined

/** Disks beyond the first. They count only where they are switched on; two of a device or mount point are wrong. */
export function carryExtraDisks(carrier: Carrier, scope: Scope, at: readonly string[], pick: Pick): void {
  const name = String(at.at(-1))
  const disks = pick('instance_extra_disks', 'kvm_default_instance_extra_disks')
  if (disks === undefined || itemsOf(disks.value).length === 0) {
    if (disks !== undefined && disks.value.kind !== 'list') carrier.read([...at, 'extraDisks'], disks, noList)
    return
  }
  const enabled = pick('instance_extra_disks_enabled', 'kvm_default_instance_extra_disks_enabled')
  const isEnabled = enabled !== undefined && carrier.read([...at, 'extraDisks'], enabled, asFlag) === true
  if (!isEnabled) {
    carrier.warn(
      disks.value.place,
      `${name} has extra disks, but instance_extra_disks_enabled is not true, which the old system refuses: they are left out`,
    )
    return
  }
  carrier.notes.add('taken', enabled.value.place, `${enabled.name}: ${name} has its extra disks`)
  const seen = new Map<string, Value>()
  for (const [index, disk] of itemsOf(disks.value).entries()) {
    tellUnknownKeys(carrier, 'disk', disk, cloudImageSettings)
    carryDisk(carrier, scope, [...at, 'extraDisks', index], disk)
    for (const key of ['guest_device', 'mount_point']) {
      const value = entriesOf(disk).get(key)
      if (value?.kind !== 'scalar') continue
      const word = `${key} ${String(value.value)}`
      if (seen.has(word))
        carrier.warn(
          value.place,
          `${name} has two extra disks with ${word}: both systems refuse that, although an example of the old one does it; correct one of them`,
        )
      seen.set(word, value)
    }
  }
}

const noList = (value: Value, ask: (value: Value, expected: string) => void): undefined =>
  void ask(value, 'a list')

function carryDisk(carrier: Carrier, scope: Scope, at: readonly (string | number)[], disk: Value): void {
  const entries = entriesOf(disk)
  const pick = layered([{ name: `${at[1]}.disk`, entries }], scope)
  carrier.carry([...at, 'device'], pick('guest_device'), asText)
  carrier.carry([...at, 'size'], pick('size_gb'), asWhole, (gib) => `${gib}GiB`)
  carrier.carry([...at, 'extension'], pick('disk_extension'), asText)
  const mount = [...at, 'mount']
  const path = carrier.carry([...mount, 'path'], pick('mount_point'), asText)
  carrier.carry([...mount, 'filesystem'], pick('filesystem'), asOneOf(['ext4', 'xfs']))
  carrier.carry([...mount, 'options'], pick('mount_options'), asText)
  carrier.carry([...mount, 'label'], pick('filesystem_label'), asText)
  const allow = found('kvm_allow_mount_var_on_extra_disk', scope.get('kvm_allow_mount_var_on_extra_disk'))
  if (path === '/var') carrier.carry([...mount, 'allowVar'], allow, asFlag)
}
