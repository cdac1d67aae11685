import { awaitReady } from '../../guest/await-ready.ts'
import type { VmPlan } from '../../plan/vm-plan.ts'
import type { InstanceSpec } from '../../spec/resolved.ts'
import type { Handler } from '../handlers.ts'

export const startVm: Handler<'start-vm'> = (progress, step, context) =>
  context.services.host(step.host).startVm(progress, step.instance ?? '')

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
