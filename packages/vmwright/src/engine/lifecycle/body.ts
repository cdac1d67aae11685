import type { VmMark } from '../../hypervisor/contract.ts'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { decide, type DecideRequest, type Decision } from '../../snapshots/decide.ts'
import { layerInputsOf } from '../../snapshots/inputs.ts'
import { layerKeys } from '../../snapshots/keys.ts'
import { type LayerName } from '../../snapshots/layers.ts'
import { phaseNames } from '../../spec/resolved-lifecycle.ts'
import { hostOf } from '../host-facts.ts'
import { stepClockByAgent, stepClockByLine } from './clock.ts'
import type { Guest } from './job.ts'
import { chooseMemory, createLayer, type MemoryChoice, restoreLayer } from './layers.ts'
import { baseOf } from './machine.ts'
import { runGuestPhase } from './phase.ts'
import { startMachine } from './power.ts'

export interface GuestPlan {
  readonly decision: Decision
  readonly memory: MemoryChoice
}

/** G2. What this run restores, runs and keeps of a machine that is there. No mutation. */
export async function planGuest(progress: Progress, { job, machine }: Guest): Promise<GuestPlan> {
  const { instance } = job
  const { host, mark } = machine
  const memory = await chooseMemory(progress, instance, host)
  const observed = await host.listSnapshots(progress, instance.name)
  const keys = layerKeys(layerInputsOf(instance, baseOf(mark), await job.inputs(progress)))
  return { decision: decideFor(job, { keys, observed, memory: memory.memory, mark }), memory }
}

/** Pure. */
export const decideFor = (
  { instance, spec, phases }: Pick<Guest['job'], 'instance' | 'spec' | 'phases'>,
  found: Pick<DecideRequest, 'keys' | 'observed' | 'memory'> & { readonly mark: VmMark | undefined },
): Decision =>
  decide({
    project: spec.project,
    revision: instance.lifecycle.revision,
    allowed: instance.lifecycle.allowed,
    keys: found.keys,
    phases: phaseNames.filter((name) => phases[name] !== undefined),
    observed: found.observed,
    memory: found.memory,
    ...(found.mark?.used === true ? { used: true } : {}),
  })

/** From the restored layer, or the machine as it is, to the end of `main`. */
export async function bodyOf(progress: Progress, guest: Guest, plan: GuestPlan): Promise<void> {
  const { job, log, machine } = guest
  const { decision, memory } = plan
  tellWhatIsLeftOut(guest, decision)
  const { restore } = decision
  const ranBefore = (await machine.state(progress)) === 'running'
  if (restore !== undefined)
    await log.run(progress, `restore-${restore.layer}`, (told, note) => {
      note.cached = true
      note.because = `from ${restore.snapshot}${restore.memory ? ', with its memory' : ''}`
      return restoreLayer(told, guest, restore)
    })
  await startUp(progress, guest, { ranBefore, restored: restore })
  const ofAgent =
    restore?.memory === true
      ? stepClockByAgent(progress, machine.host.guest(machine.name))
      : Promise.resolve(undefined)
  // Whatever becomes of the connection is told first.
  ofAgent.catch(() => {})
  await reach(progress, guest, decision)
  if (restore?.memory === true)
    await log.run(progress, 'clock', async (told, note) => {
      const why = await ofAgent
      if (why !== undefined) return stepClockByLine(told, guest.line, why)
      note.because = 'by the guest agent'
    })
  await keepLayers(progress, guest, { decision, memory, after: 'startup' })
  for (const name of ['dependencies', 'init', 'main'] as const) {
    const phase = job.phases[name]
    if (phase === undefined || !decision.run.includes(name)) continue
    if (machine.mark.used !== true) await machine.writeMark(progress, { used: true })
    await log.run(progress, name, (told, note) => runGuestPhase(told, guest, phase, note))
    if (name !== 'main') await keepLayers(progress, guest, { decision, memory, after: name })
  }
  await job.serve?.(progress, guest)
}

async function startUp(
  progress: Progress,
  { job, log, machine }: Guest,
  { ranBefore, restored }: { readonly ranBefore: boolean; readonly restored: Decision['restore'] },
): Promise<void> {
  const state = await machine.state(progress)
  const mayStart = job.instance.lifecycle.allowed.includes('startup')
  if (state === 'running') {
    const restoredSo = restored?.memory === true ? 'restored as it ran' : undefined
    return log.skip('startup', restoredSo ?? (mayStart ? 'it runs already' : 'not allowed'))
  }
  if (!mayStart && !ranBefore) return log.skip('startup', 'not allowed')
  await log.run(progress, 'startup', async (told, note) => {
    if (!mayStart) note.because = 'it ran before it was restored'
    await machine.change(told, async () => {
      if (state !== 'stopped') await machine.host.stopVm(told, machine.name, 'force')
      for (const network of othersNetworks(job)) await machine.host.startNetwork(told, network)
      await startMachine(told, machine.host, machine.name)
    })
  })
}

/** Networks that vmwright does not make, where it may start them. Those of its own are part of making the machine. */
function othersNetworks({ spec, instance }: Guest['job']): readonly string[] {
  if (!hostOf(spec, instance.host).startInactiveNetworks) return []
  const wanted = new Set(instance.interfaces.map(({ network }) => network))
  return spec.networks.filter(({ id, own }) => own === undefined && wanted.has(id)).map(({ name }) => name)
}

async function reach(progress: Progress, guest: Guest, { run, create }: Decision): Promise<void> {
  const { log, line, machine } = guest
  if ((await machine.state(progress)) === 'running')
    return log.run(progress, 'connect', (told, note) => {
      note.because = line.connector.description
      return line.awaitReachable(told)
    })
  if (create.length === 0 && run.every((name) => name === 'terminate')) return
  throw new ProvisionError('guest.stopped', {
    message: `The machine ${machine.name} does not run, and nothing can be done in it.`,
    hint: 'Let the action `startup` be allowed, or start it: vmwright apply.',
  })
}

async function keepLayers(
  progress: Progress,
  guest: Guest,
  { decision, memory, after }: GuestPlan & { readonly after: Decision['create'][number]['after'] },
): Promise<void> {
  for (const layer of decision.create.filter((each) => each.after === after)) {
    await guest.log.run(progress, `create-${layer.layer}`, async (told, note) => {
      const discard = decision.discard.includes(layer.snapshot)
      note.because = await createLayer(told, guest, layer, { discard, memory })
    })
  }
}

/** What is not done although a reader may expect it, each with why. */
function tellWhatIsLeftOut({ job, log }: Guest, { restore, run, create, reasons }: Decision): void {
  const { allowed } = job.instance.lifecycle
  for (const layer of ['init', 'clean'] as const) {
    if (restore?.layer === layer) continue
    const reason = reasons.find((each) => each.layer === layer)
    log.skip(
      `restore-${layer}`,
      !allowed.includes(`restore-${layer}`) ? 'not allowed' : (reason?.because ?? 'not needed'),
    )
  }
  const kept = restore === undefined ? 'not needed' : `restored from ${restore.snapshot}`
  for (const layer of ['clean', 'init'] as const)
    if (!create.some((each) => each.layer === layer))
      log.skip(`create-${layer}`, allowed.includes(`create-${layer}`) ? kept : 'not allowed')
  for (const name of ['dependencies', 'init', 'main'] as const) {
    if (run.includes(name)) continue
    if (job.phases[name] === undefined) log.skip(name, 'no file')
    else if (restore !== undefined && isIn(restore.layer, name)) log.skip(name, kept, 'cached')
    else log.skip(name, 'not allowed')
  }
}

const isIn = (layer: LayerName, phase: 'dependencies' | 'init' | 'main'): boolean =>
  phase === 'dependencies' ? layer !== 'clean' : phase === 'init' && layer === 'init'
