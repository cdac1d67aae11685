import type { ObservedVm, VmMark } from '../hypervisor/contract.ts'
import { formatBytes } from '../lib/units.ts'
import { addChanges } from './changes.ts'
import { compareVm, noDifference, type Comparison } from './compare.ts'
import { addProvisioning } from './creation.ts'
import { decision, problem, type Decision, type InstanceContext } from './decision.ts'
import type { Change, HostFacts } from './plan.ts'
import { asMade } from './vm-plan.ts'

/** What is done about a machine that is there and ours, beyond its creation. */
export function decideExisting(asked: InstanceContext, observed: ObservedVm, mark: VmMark): Decision {
  const vm = asMade(asked.vm, mark, observed)
  const context = { ...asked, vm }
  const { facts, request } = context
  const compared = compareVm(vm, observed, facts.observed)
  const comparison = isBlind(facts, vm.pool) ? withoutDisks(compared) : compared
  const shrinks = comparison.shrink.map(({ device, fromBytes, toBytes }) =>
    problem(
      vm.instance,
      'disk.shrink-refused',
      `The disk ${device} of ${vm.instance.name} has ${formatBytes(fromBytes)}; the spec says ${formatBytes(toBytes)}.`,
    ),
  )
  if (shrinks.length > 0)
    return decision(context, 'blocked', 'a disk would become smaller', {
      findings: shrinks,
      fields: comparison.fields,
    })

  if (vm.seed === undefined && request.reseed.has(vm.instance.name)) {
    const message = `The machine ${vm.instance.name} has no seed: its identity was written into its disks.`
    const hint = `Make it anew instead: --replace ${vm.instance.name}`
    const finding = problem(vm.instance, 'usage.invalid', message, hint)
    return decision(context, 'blocked', 'it has no seed', { findings: [finding], fields: comparison.fields })
  }

  const runs = request.stage === 'full' || request.stage === 'runtime'
  const defines = request.stage === 'full' || request.stage === 'provision'
  const isProvisioned = observed.mark?.stage === 'provisioned'
  const isRunning = observed.state === 'running'
  // The private host keys are in the seed only: a seed lost, or not written, before first boot was over needs new ones.
  const lacksSeed =
    vm.seed !== undefined && !isProvisioned && (comparison.seedMissing || observed.mark?.seed.digest === '')
  const wanted = {
    reseed: defines && request.reseed.has(vm.instance.name),
    restart: runs && isRunning && request.restart.has(vm.instance.name),
  }
  const reseed = wanted.reseed || (defines && lacksSeed)
  const changed = addChanges(
    context,
    observed,
    defines ? comparison : noDifference, // the stage `runtime` starts what is there
    { reseed, restart: wanted.restart, reseal: vm.seed !== undefined && !isProvisioned && mark.seed.sealed },
  )
  if (runs && (!isProvisioned || reseed || !isRunning || changed.stops)) {
    addProvisioning(context, {
      after: changed.last,
      running: isRunning && !changed.stops,
      snapshotExists:
        !reseed && (isProvisioned || observed.snapshots.includes(vm.instance.snapshot?.name ?? '')),
      boot: !isProvisioned || reseed ? 'first' : 'later',
    })
  }
  return decision(context, ...describeExisting(observed, comparison, { runs, defines, ...wanted }), {
    fields: comparison.fields,
    seeds: reseed,
  })
}

/** Disks in a pool that is off cannot be seen: what differs is told once it is on. */
const isBlind = ({ observed }: HostFacts, pool: string): boolean =>
  observed.pools.some(({ name, active }) => name === pool && !active)

const withoutDisks = ({ fields }: Comparison): Comparison => ({
  ...noDifference,
  fields: fields.filter(({ field }) => field !== 'seed' && !field.startsWith('disk ')),
})

function describeExisting(
  observed: ObservedVm,
  comparison: Comparison,
  asked: {
    readonly runs: boolean
    readonly defines: boolean
    readonly reseed: boolean
    readonly restart: boolean
  },
): [Change['action'], string] {
  if (asked.reseed) return ['reseed', 'asked for by --reseed']
  const updates = comparison.fields.filter((field) => field.how === 'in-place' || field.how === 'restart')
  if (asked.defines && updates.length > 0) return ['update', 'the spec says otherwise']
  if (asked.runs && observed.mark?.stage === 'created') return ['finish', 'its provisioning was interrupted']
  if (asked.restart) return ['restart', 'asked for by --restart']
  if (asked.runs && observed.state !== 'running') return ['start', `it is ${observed.state}`]
  const unasked = comparison.fields.filter(
    (field) => field.how === 'replacement' || field.how === 'cloud-init',
  )
  return [
    'none',
    unasked.length > 0 ? 'it differs in what is not changed without being asked' : 'as the spec says',
  ]
}
