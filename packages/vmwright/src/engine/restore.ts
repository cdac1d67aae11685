import type { InstanceStatus } from '@vmwright/contract'
import { awaitReady } from '../guest/await-ready.ts'
import type { Hypervisor, ObservedVm } from '../hypervisor/contract.ts'
import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { instanceStatus } from '../plan/status.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { EventBody } from './run.ts'
import { Session, type SessionServices } from './session.ts'
import { runTasks, type Task, type TaskOutcome } from './tasks.ts'

export interface RestoreOptions {
  readonly spec: ResolvedSpec
  readonly instance: InstanceSpec
  readonly services: SessionServices
  readonly onEvent: (event: EventBody) => void
  readonly holder: string
  readonly lockTimeoutMs: number
  /** Asked with the snapshot's name before anything is done. */
  readonly confirm: (snapshot: string) => Promise<boolean>
}

export interface RestoreResult extends Omit<TaskOutcome, 'outcome'> {
  readonly outcome: TaskOutcome['outcome'] | 'declined'
  readonly snapshot: string
  readonly instances: readonly InstanceStatus[]
}

/**
 * Brings a machine back to a snapshot: power off, disks back, start, wait until it answers. Without a name it is
 * the snapshot that the spec declares, else the only one. Throws `vm.not-found`, `vm.foreign`, `snapshot.not-found`
 * and the `host.*` errors before anything is done. Safe to repeat, also after being killed.
 */
export async function restoreSnapshot(
  progress: Progress,
  options: RestoreOptions,
  wanted: string | undefined,
): Promise<RestoreResult> {
  const { spec } = options
  await using session = await Session.open(progress, spec, [options.instance], options.services)
  const instance = await session.locateOne(progress)
  const locking = progress.child({ timeoutMs: options.lockTimeoutMs })
  await session.lock(locking, options.holder, new Set([instance.host]))
  const host = session.host(instance.host)
  const vm = requireOurs(spec, instance, (await host.observe(progress)).vms)
  const snapshot = chooseSnapshot(instance, vm, wanted)
  const statusNow = async () => [instanceStatus(spec, instance, await host.observe(progress))]
  if (!(await options.confirm(snapshot)))
    return { outcome: 'declined', errors: new Map(), snapshot, instances: await statusNow() }
  const result = await runTasks(progress, tasksOf(host, vm, snapshot, { ...options, instance }), {
    command: 'snapshot restore',
    project: spec.project,
    onEvent: options.onEvent,
    onFailure: 'stop',
  })
  return { ...result, snapshot, instances: result.outcome === 'cancelled' ? [] : await statusNow() }
}

function tasksOf(
  host: Hypervisor,
  vm: ObservedVm,
  snapshot: string,
  { instance, services }: RestoreOptions,
): readonly Task[] {
  const { name } = instance
  const task = (kind: string, title: string, run: Task['run']): Task => ({
    id: `${name}/${kind}`,
    kind,
    host: instance.host,
    instance: name,
    title,
    run,
  })
  return [
    // What the guest has not written yet goes with the rest of what came after the snapshot.
    ...(vm.state === 'stopped'
      ? []
      : [task('stop-vm', 'power off', (progress) => host.stopVm(progress, name, 'force'))]),
    task('restore-snapshot', `restore snapshot ${snapshot}`, (progress) =>
      host.restoreSnapshot(progress, name, snapshot),
    ),
    task('start-vm', 'start', (progress) => host.startVm(progress, name)),
    task('await-ready', 'wait until it answers', async (progress) => {
      const ownKey = instance.cloudInit.injectOwnKey ? await services.ownKey(progress) : undefined
      const rungs = instance.ready.rungs.filter((rung) => rung !== 'cloud-init')
      await awaitReady(progress, host.guest(name), {
        instance: { ...instance, ready: { ...instance.ready, rungs } },
        hostKeys: vm.mark?.hostKeys ?? [],
        loginKey: ownKey?.privateKey,
        firstBoot: false,
      })
    }),
  ]
}

function requireOurs(spec: ResolvedSpec, instance: InstanceSpec, vms: readonly ObservedVm[]): ObservedVm {
  const { name, host } = instance
  const vm = vms.find((each) => each.name === name)
  if (vm === undefined)
    throw new ProvisionError('vm.not-found', { message: `There is no machine ${name} on ${host}.` })
  if (vm.mark?.project === spec.project) return vm
  throw new ProvisionError('vm.foreign', {
    message: `The machine ${name} on ${host} was not made by vmwright for project ${spec.project}.`,
  })
}

/** Pure. */
export function chooseSnapshot(
  instance: Pick<InstanceSpec, 'name' | 'snapshot'>,
  vm: Pick<ObservedVm, 'snapshots'>,
  wanted: string | undefined,
): string {
  const { snapshots } = vm
  const declared = instance.snapshot?.name
  const name =
    wanted ??
    (declared !== undefined && snapshots.includes(declared) ? declared : undefined) ??
    (snapshots.length === 1 ? snapshots[0] : undefined)
  if (name !== undefined && snapshots.includes(name)) return name
  throw new ProvisionError('snapshot.not-found', {
    message:
      name === undefined && snapshots.length > 0
        ? `The machine ${instance.name} has ${snapshots.length} snapshots; say which one.`
        : `The machine ${instance.name} has no snapshot${name === undefined ? '' : ` ${name}`}.`,
    hint:
      snapshots.length === 0
        ? 'Declare one with `snapshot` in the spec; the next creation makes it.'
        : `Name one of these: ${snapshots.join(', ')}.`,
    details: { instance: instance.name, wanted: name, snapshots },
  })
}
