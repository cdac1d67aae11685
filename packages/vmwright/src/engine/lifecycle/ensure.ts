import { plainRequest } from '../../plan/plain-request.ts'
import type { ErrorReport } from '@vmwright/contract'
import type { ObservedVm } from '../../hypervisor/contract.ts'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { planApply } from '../../plan/plan-apply.ts'
import type { ApplyRequest, PlanInput } from '../../plan/plan.ts'
import { apply, type OperationOptions } from '../operations.ts'
import type { EventBody } from '../run.ts'
import type { Session } from '../session.ts'
import { type Existence, existenceOf } from './existence.ts'
import type { Guest, GuestJob } from './job.ts'

type Workplace = Pick<Guest, 'job' | 'session'>

/** The machine as it is, and what is to be done about it. No mutation but of the cache of images. */
export async function lookAtMachine(
  progress: Progress,
  { instance, spec, imageDigest }: Pick<GuestJob, 'instance' | 'spec' | 'imageDigest'>,
  { session, rebuild }: { readonly session: Session; readonly rebuild: boolean },
): Promise<SeenMachine> {
  const image = await imageDigest(progress)
  const input = await session.observe(progress, 'make')
  session.host(instance.host) // throws why it cannot be reached
  const vm = machineIn(input, instance.name)
  const plan = planApply({ ...input, missingSecrets: new Map() }, { ...plainRequest, stage: 'provision' })
  const digest = image ?? templateIdentity(input, instance.source.id, instance.host)
  return {
    vm,
    judge: () => existenceOf({ instance, project: spec.project, vm, digest, plan, rebuild }),
  }
}

export interface SeenMachine {
  readonly vm: ObservedVm | undefined
  /** Throws `vm.foreign`, `run.not-disposable`. */
  readonly judge: () => Existence
}

/**
 * Brings the guest into being up to the end of its first boot, by the same steps as `apply`. The host is locked while
 * it is made, not while it boots. Safe to repeat after a crash, as `apply` is.
 */
export async function makeMachine(
  progress: Progress,
  guest: Workplace,
  existence: Exclude<Existence, { readonly kind: 'there' }>,
): Promise<ObservedVm> {
  const { instance } = guest.job
  const replace = existence.kind === 'anew' ? new Set([instance.name]) : new Set<string>()
  await applyOne(progress, guest, { stage: 'provision', replace })
  const made = await observeMachine(progress, guest.session, instance)
  if (made.mark?.stage === 'provisioned') return made
  await applyOne(progress, guest, { stage: 'runtime' }, 'none')
  return observeMachine(progress, guest.session, instance)
}

async function applyOne(
  progress: Progress,
  { job }: Workplace,
  request: Partial<ApplyRequest>,
  locking: OperationOptions['locking'] = 'hosts',
): Promise<void> {
  const { instance, spec, options } = job
  const titles = new Map<string, string>()
  const onEvent = (event: EventBody): void => {
    if (event.kind === 'run-started') for (const { id, title } of event.steps) titles.set(id, title)
    if (event.kind === 'step-started') progress.report({ what: titles.get(event.step) ?? event.step })
    if (event.kind === 'step-progress') {
      const { kind: _kind, step: _step, ...report } = event
      progress.report(report)
    }
    if (event.kind === 'notice') options.onEvent(event)
  }
  const { session: services } = options.services
  const { holder, lockTimeoutMs } = options
  const operation: OperationOptions = {
    spec,
    instances: [instance],
    services,
    onEvent,
    holder,
    lockTimeoutMs,
    locking,
    confirm: async () => true,
  }
  const result = await apply(progress, operation, { ...plainRequest, ...request })
  progress.check()
  const finding = result.plan.findings.find(({ severity }) => severity === 'error')
  if (result.outcome === 'blocked' && finding !== undefined)
    throw new ProvisionError(finding.code, {
      message: finding.message,
      ...(finding.hint === undefined ? {} : { hint: finding.hint }),
    })
  const [error] = [...(result.run?.errors.values() ?? []), ...result.unreachable.values()]
  if (error !== undefined) throw asError(error)
}

const asError = ({ code, message, hint, details, retryable }: ErrorReport): ProvisionError =>
  new ProvisionError(code, { message, hint, details, retryable })

export async function observeMachine(
  progress: Progress,
  session: Session,
  { name, host }: { readonly name: string; readonly host: string },
): Promise<ObservedVm> {
  const vm = (await session.host(host).observe(progress)).vms.find((each) => each.name === name)
  if (vm !== undefined) return vm
  throw new ProvisionError('vm.not-found', { message: `There is no machine ${name} on ${host}.` })
}

const machineIn = (input: PlanInput, name: string): ObservedVm | undefined =>
  [...input.hosts.values()].flatMap(({ observed }) => observed.vms.filter((vm) => vm.name === name))[0]

const templateIdentity = (input: PlanInput, id: string, host: string): string | undefined =>
  input.hosts.get(host)?.templates.get(id)?.identity
