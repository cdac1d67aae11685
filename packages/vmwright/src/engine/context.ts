import type { Hypervisor, VmMark } from '../hypervisor/contract.ts'
import type { HostSystem } from '../hypervisor/host/system.ts'
import type { Progress } from '../lib/progress.ts'
import type { Secret, SecretRef } from '../lib/secret.ts'
import type { HostKey } from '../cloudinit/host-keys.ts'
import type { ReadyReport } from '../guest/await-ready.ts'
import type { CachedImage } from '../images/ensure.ts'
import type { ImageSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { TemplateRecords } from '../templates/records.ts'

/** What steps need from outside. Given once for a run. */
export interface RunServices {
  readonly spec: ResolvedSpec
  host(name: string): Hypervisor
  /** The machine below the hypervisor. */
  system(name: string): HostSystem
  /** Fetches, verifies or builds; resolves with the file on this machine. */
  ensureImage(progress: Progress, host: string, image: ImageSpec): Promise<CachedImage>
  /** Reads a secret at the moment of use. Throws `secret.unavailable`. */
  readSecret(ref: SecretRef): Promise<Secret>
  /** The key pair of the person who runs vmwright; made at first use. */
  ownKey(progress: Progress): Promise<OwnKey>
  /** What this machine remembers about templates. */
  readonly templates: TemplateRecords
}

export interface OwnKey {
  readonly publicKey: string
  readonly privateKey: Secret
}

/** What is made for a machine at its creation and known only until its seed is written. */
export interface Generated {
  readonly instanceId: string
  readonly hostKeys: readonly HostKey[]
  readonly machineId: string
}

/**
 * What steps tell each other during a run. Each entry has one writer: the step of that host, image or instance
 * that the readers wait for.
 */
export interface RunState {
  /** Key: `<host>/<image id>`. */
  readonly images: Map<string, CachedImage>
  readonly acceleration: Map<string, 'kvm' | 'emulation'>
  /** The mark of each instance as it is on the host now. */
  readonly marks: Map<string, VmMark>
  readonly generated: Map<string, Generated>
  readonly ready: Map<string, ReadyReport>
  /** Content identity of templates. Key: `<host>/<machine>`. */
  readonly templates: Map<string, string>
  /** What is done one at a time, by what and where. */
  readonly turns: Map<string, Promise<void>>
}

export interface RunContext {
  readonly services: RunServices
  readonly state: RunState
  notice(level: 'info' | 'warning', message: string, instance?: string): void
}

export const emptyState = (
  marks: Iterable<readonly [string, VmMark]>,
  templates: Iterable<readonly [string, string]>,
): RunState => ({
  images: new Map(),
  acceleration: new Map(),
  marks: new Map(marks),
  generated: new Map(),
  ready: new Map(),
  templates: new Map(templates),
  turns: new Map(),
})
