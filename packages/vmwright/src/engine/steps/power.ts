import { awaitReady } from '../../guest/await-ready.ts'
import type { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { accessNeeds } from '../../plan/access.ts'
import type { VmPlan } from '../../plan/vm-plan.ts'
import type { InstanceSpec } from '../../spec/resolved.ts'
import type { RunContext } from '../context.ts'
import { explainAccess } from '../explain-access.ts'
import type { Handler, StepOf } from '../handlers.ts'

export const startVm: Handler<'start-vm'> = async (progress, step, context) => {
  const host = context.services.host(step.host)
  try {
    await host.startVm(progress, step.instance ?? '')
  } catch (error) {
    throw (await whyDenied(progress, step, context, error)) ?? error
  }
}

/** T9. A start that lacked permission, with the folder or the confinement that is in the way. */
async function whyDenied(
  progress: Progress,
  { host: name, instance }: StepOf<'start-vm'>,
  { services }: RunContext,
  error: unknown,
): Promise<ProvisionError | undefined> {
  const host = services.host(name)
  const spec = services.spec.hosts.find((each) => each.name === name)
  if (spec === undefined || host.can.noShell !== undefined) return undefined
  const own = services.spec.instances.filter((each) => each.name === instance)
  const request = async () => ({
    user: spec.runtimeUser,
    needs: accessNeeds(services.spec, spec, await host.observe(progress), own),
  })
  return explainAccess(progress, host.files, { error, request })
}

export const stopVm: Handler<'stop-vm'> = (progress, step, context) => {
  progress.report({ what: step.how === 'graceful' ? 'the guest to shut down' : 'power off' })
  return context.services.host(step.host).stopVm(progress, step.instance ?? '', step.how)
}

export const undefineVm: Handler<'undefine-vm'> = async (progress, step, context) => {
  await context.services.host(step.host).undefineVm(progress, step.instance ?? '')
  context.state.marks.delete(step.instance ?? '')
}

/** Climbs the ladder: all of it at first boot, without cloud-init's verdict later, only the port at a re-check. */
export const awaitReadyStep: Handler<'await-ready'> = async (progress, step, context) => {
  const { vm, boot } = step
  const mark = context.state.marks.get(vm.instance.name)
  const login = vm.instance.cloudInit.injectOwnKey
    ? (await context.services.ownKey(progress)).privateKey
    : undefined
  const report = await awaitReady(progress, context.services.host(step.host).guest(vm.instance.name), {
    instance: withRungs(vm, boot),
    hostKeys: mark?.hostKeys ?? [],
    loginKey: login,
    firstBoot: boot === 'first' && vm.seed !== undefined,
  })
  context.state.ready.set(vm.instance.name, report)
}

/** Without a seed there is nothing that cloud-init would do. */
function withRungs({ instance, seed }: VmPlan, boot: 'first' | 'later' | 'recheck'): InstanceSpec {
  if (boot === 'first' && seed !== undefined) return instance
  const left = boot === 'recheck' ? ['cloud-init', 'ssh', 'agent'] : ['cloud-init']
  return {
    ...instance,
    ready: { ...instance.ready, rungs: instance.ready.rungs.filter((rung) => !left.includes(rung)) },
  }
}
