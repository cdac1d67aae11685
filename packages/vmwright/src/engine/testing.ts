import { plainRequest } from '../plan/plain-request.ts'
import { census } from '../hypervisor/fake/census.ts'
import { openFakeHost } from '../hypervisor/fake/fake-host.ts'
import type { FakeWorld } from '../hypervisor/fake/world.ts'
import { Progress } from '../lib/progress.ts'
import { Secret } from '../lib/secret.ts'
import type { Seam } from '../lib/seam.ts'
import { GiB, MiB } from '../lib/units.ts'
import type { ApplyRequest, DestroyRequest } from '../plan/plan.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { TemplateRecord, TemplateRecords } from '../templates/records.ts'
import { apply, destroy, preview, type OperationOptions, type OperationResult } from './operations.ts'
import type { EventBody } from './run.ts'
import type { SessionServices } from './session.ts'

/** The engine on an in-memory host, with an image that is already in the cache. For tests. */
export interface Bench {
  readonly events: EventBody[]
  apply(request?: Partial<ApplyRequest>): Promise<OperationResult>
  destroy(request?: Partial<DestroyRequest>): Promise<OperationResult>
  plan(request?: Partial<ApplyRequest>): ReturnType<typeof preview>
}

const image = {
  id: 'debian-12',
  path: '/var/lib/libvirt/images/vmwright/cache/debian-12-0123456789abcdef.qcow2',
  fileName: 'debian-12-0123456789abcdef.qcow2',
  format: 'qcow2',
  sha256: '0123456789abcdef'.repeat(4),
  sizeBytes: 300 * MiB,
  virtualSizeBytes: 2 * GiB,
  source: 'cache',
  version: undefined,
  digest: { algorithm: 'sha256', hex: '0123456789abcdef'.repeat(4) },
} as const

/** What the entry points plug in, for an in-memory host. */
export const servicesFor = (world: FakeWorld): SessionServices => ({
  openHost: async (progress) => openFakeHost(world, progress.seam),
  ensureImage: async () => image,
  peekImage: async () => image,
  readSecret: async () => new Secret('correct horse battery staple'),
  ownKey: async () => ({ publicKey: 'ssh-ed25519 AAAA test', privateKey: new Secret('not a key') }),
  templates: recordsIn(world),
})

/** As plain data inside of the world, so that copies of it know what it knew. */
function recordsIn(world: FakeWorld): TemplateRecords {
  const known = (): Record<string, TemplateRecord> => templateRecordsOf(world)
  return {
    read: async (_uri, domain) => structuredClone(known()[domain]),
    write: (progress, _uri, domain, record) =>
      progress.seam.effect({ kind: 'file.rename', object: domain, mutates: true }, async () => {
        known()[domain] = structuredClone(record)
      }),
  }
}

export const templateRecordsOf = (world: FakeWorld): Record<string, TemplateRecord> =>
  ((world as RememberingWorld).templateRecords ??= {})

type RememberingWorld = FakeWorld & { templateRecords?: Record<string, TemplateRecord> }

export function openBench(
  spec: ResolvedSpec,
  world: FakeWorld,
  seam: Seam,
  more: { readonly signal?: AbortSignal; readonly instances?: readonly InstanceSpec[] } = {},
): Bench {
  const events: EventBody[] = []
  const services = servicesFor(world)
  const options: OperationOptions = {
    spec,
    instances: more.instances ?? spec.instances,
    services,
    onEvent: (event) => void events.push(event),
    holder: 'test',
    lockTimeoutMs: 60_000,
    confirm: async () => true,
  }
  const progress = () => new Progress(seam, more.signal === undefined ? {} : { signal: more.signal })
  return {
    events,
    apply: (request) => apply(progress(), options, { ...plainRequest, ...request }),
    destroy: (request) => destroy(progress(), options, { disks: 'delete', adopt: new Set(), ...request }),
    plan: (request) => preview(progress(), options, { ...plainRequest, ...request }),
  }
}

/** What is on the host but for the record of what was there before, which stays until `destroy --verify` looked at it. */
export const censusWithoutRecord = (world: FakeWorld): readonly string[] =>
  census(world).filter((line) => !line.startsWith('record from before '))
