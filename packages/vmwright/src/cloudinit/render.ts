import type { InstanceSpec } from '../spec/resolved.ts'
import type { HostKey } from './host-keys.ts'
import { networkConfig } from './network-config.ts'
import { sealedUserData, userData } from './user-data.ts'
import { toYaml } from './yaml11.ts'

export interface SeedInput {
  readonly instance: InstanceSpec
  /** cloud-init does its once-per-instance work when this differs from what it saw at the last boot. */
  readonly instanceId: string
  readonly generated: GeneratedSecrets | 'sealed'
}

/** What exists only once the instance is made. Passwords come hashed (crypt(3)); a seed never holds them in the clear. */
export interface GeneratedSecrets {
  readonly passwordHash?: string
  readonly rootPasswordHash?: string
  readonly hostKeys: readonly HostKey[]
  /** Public key of the person who runs vmwright. */
  readonly ownKey?: string
}

/** The three NoCloud documents. `userData` is secret unless it is sealed. */
export interface SeedFiles {
  readonly userData: string
  readonly metaData: string
  readonly networkConfig: string
}

/**
 * The NoCloud documents of an instance. Pure.
 *
 * `sealed` renders what may stay attached for the life of the guest: no password hash, no private key, no content of
 * `writeFiles`. It replaces the first seed after the first boot, because cloud-init looks for its data source at
 * every boot (NoCloud on a disk cannot vouch for a cached instance: `check_instance_id` in
 * `cloudinit/sources/DataSourceNoCloud.py`, 22.4), and a guest without any would be a new instance, or none. With
 * the same instance-id nothing that runs once per instance runs again; see `sealedUserData` for the rest.
 */
export function renderSeed({ instance, instanceId, generated }: SeedInput): SeedFiles {
  const document = generated === 'sealed' ? sealedUserData(instance) : userData(instance, generated)
  return {
    userData: `#cloud-config\n${toYaml(document)}`,
    // `dsmode: local` runs users, keys and files before the network is up: nothing here needs it.
    metaData: toYaml({ 'instance-id': instanceId, 'local-hostname': instance.name, dsmode: 'local' }),
    networkConfig: toYaml(networkConfig(instance)),
  }
}
