import type { ErrorReport } from '@vmwright/contract'
import type { Hypervisor, ObservedVm } from '../../hypervisor/contract.ts'
import { reportOf } from '../../lib/error-report.ts'
import type { Progress } from '../../lib/progress.ts'
import { type LayerRow, layerRows } from '../../snapshots/inventory.ts'
import type { InstanceSpec, ResolvedSpec } from '../../spec/resolved.ts'
import { askAll } from '../ask-hosts.ts'
import { mapBounded } from '../bounded.ts'
import { isOurs } from '../lifecycle/machine.ts'
import { Session, type SessionServices } from '../session.ts'
import { presentKeys } from './present-keys.ts'

export interface CacheOptions {
  readonly spec: ResolvedSpec
  readonly instances: readonly InstanceSpec[]
  readonly services: SessionServices
}

/** What is kept of the guests, host by host, and why of some it is not known. */
export interface Cache {
  readonly guests: readonly GuestLayers[]
  readonly unreachable: ReadonlyMap<string, ErrorReport>
}

export interface GuestLayers {
  readonly guest: string
  readonly host: string
  /** `foreign`: a machine of that name was made by somebody else, and is not looked into. */
  readonly state: 'there' | 'absent' | 'foreign'
  /** A run has begun on it and not ended. */
  readonly busy: boolean
  /** Oldest first. */
  readonly layers: readonly LayerRow[]
}

/**
 * The layers of the guests, in the order of the spec. Changes nothing. A host that does not answer does not stop the
 * others; throws when none does.
 */
export async function listCache(progress: Progress, options: CacheOptions): Promise<Cache> {
  const { spec, instances, services } = options
  await using session = await Session.open(progress, spec, instances, services)
  return await readCache(progress, options, session)
}

/** Likewise, over connections that are there. */
export async function readCache(
  progress: Progress,
  { spec, instances }: CacheOptions,
  session: Session,
): Promise<Cache> {
  const located = await session.locate(progress)
  const { answers, failures } = await askAll(
    progress,
    [...located.observed].map(([name, { vms }]) => {
      const own = located.instances.filter(({ host }) => host === name)
      return [name, () => layersOn(progress, session.host(name), { spec, instances: own, vms })] as const
    }),
  )
  const lost = [...failures].map(([name, error]) => [name, reportOf(error)] as const)
  const guests = [...answers.values()].flat()
  return {
    guests: instances.flatMap(({ name }) => guests.find(({ guest }) => guest === name) ?? []),
    unreachable: new Map([...session.unreachable, ...lost]),
  }
}

/** Guests of one host at once; each is a few calls. */
const parallel = 8

const layersOn = (
  progress: Progress,
  host: Hypervisor,
  {
    spec,
    instances,
    vms,
  }: {
    readonly spec: ResolvedSpec
    readonly instances: readonly InstanceSpec[]
    readonly vms: readonly ObservedVm[]
  },
): Promise<readonly GuestLayers[]> =>
  mapBounded(instances, parallel, async (instance): Promise<GuestLayers> => {
    const guest = { guest: instance.name, host: host.host }
    const vm = vms.find(({ name }) => name === instance.name)
    if (vm?.mark === undefined || !isOurs(vm, spec.project))
      return { ...guest, state: vm === undefined ? 'absent' : 'foreign', busy: false, layers: [] }
    const observed = await host.listSnapshots(progress, instance.name)
    const keys = await presentKeys(progress, instance, vm.mark)
    const { revision } = instance.lifecycle
    return {
      ...guest,
      state: 'there',
      busy: vm.mark.run !== undefined,
      layers: layerRows({ ...guest, project: spec.project, revision, observed, keys }),
    }
  })
