import type { GuestRun, LifecycleRun } from '@vmwright/contract'
import type { GuestChannel } from '../../guest/channel.ts'
import type { ConnectorContext, GuestConnector } from '../../guest/connector.ts'
import { openFakeHost } from '../../hypervisor/fake/fake-host.ts'
import type { FakeVolume, FakeWorld } from '../../hypervisor/fake/world.ts'
import { ProvisionError } from '../../lib/errors.ts'
import { canonicalJson, sha256Hex } from '../../lib/hash.ts'
import { Progress } from '../../lib/progress.ts'
import type { Seam } from '../../lib/seam.ts'
import type { Phase, Phases } from '../../phases/phase.ts'
import type { Results } from '../../results/results.ts'
import {
  defaultLifecycle,
  type LifecycleSpec,
  type PhaseName,
  type PhaseStep,
} from '../../spec/resolved-lifecycle.ts'
import type { InstanceSpec, ResolvedSpec } from '../../spec/resolved.ts'
import { instanceSpec, resolvedSpec } from '../../testing/specs.ts'
import type { EventBody } from '../run.ts'
import { servicesFor } from '../testing.ts'
import { type LifecycleOptions, runLifecycles } from './run.ts'
import type { LifecycleServices } from './services.ts'

/** Lifecycles on in-memory hosts, with phases of one command each that write their name to the guest's disk. For tests. */
export interface Farm {
  readonly events: EventBody[]
  /** What each `openResults` gave to be finished. */
  readonly finished: LifecycleRun[]
  /** Why results could not be written at the end. */
  readonly unwritten: unknown[]
  run(options?: Partial<LifecycleOptions>): Promise<LifecycleRun>
}

export interface FarmOptions {
  readonly signal?: AbortSignal
  /** By name of the host; absent: the one world is `fake`. */
  readonly worlds?: Readonly<Record<string, FakeWorld>>
  readonly services?: Partial<LifecycleServices>
}

export function openFarm(spec: ResolvedSpec, world: FakeWorld, seam: Seam, farm: FarmOptions = {}): Farm {
  const events: EventBody[] = []
  const finished: LifecycleRun[] = []
  const unwritten: unknown[] = []
  const worlds = farm.worlds ?? { [world.host]: world }
  const services = { ...farmServices(worlds, seam, finished), ...farm.services }
  return {
    events,
    finished,
    unwritten,
    run: async (options) => {
      const progress = new Progress(seam, farm.signal === undefined ? {} : { signal: farm.signal })
      const result = await runLifecycles(progress, {
        spec,
        instances: spec.instances,
        services,
        onEvent: (event) => void events.push(event),
        holder: 'test',
        lockTimeoutMs: 600_000,
        rebuild: new Set(),
        keepRunning: false,
        failFast: false,
        parallel: undefined,
        ...options,
      })
      if (result.unwritten !== undefined) unwritten.push(result.unwritten)
      return result.run
    },
  }
}

/** What phases did in the guests of a world, in order: `web init`, `web clock`. It outlives a killed run. */
export const journalOf = (world: FakeWorld): string[] => ((world as FarmWorld).journal ??= [])

type FarmWorld = FakeWorld & { journal?: string[] }

/** A guest whose phases have one command each: its name, `fail`, `hang`, or anything else that is written to the disk. */
export const guestSpec = (
  name: string,
  phases: Partial<Record<PhaseName, string>>,
  lifecycle: Partial<LifecycleSpec> = {},
  overrides: Partial<InstanceSpec> = {},
): InstanceSpec =>
  instanceSpec(name, {
    firmware: 'bios',
    snapshot: undefined,
    disposable: true,
    lifecycle: {
      ...defaultLifecycle('/results'),
      phases: Object.fromEntries(Object.entries(phases).map(([phase, command]) => [phase, [shell(command)]])),
      ...lifecycle,
    },
    ...overrides,
  })

export const farmSpec = (
  instances: readonly InstanceSpec[],
  overrides: Partial<ResolvedSpec> = {},
): ResolvedSpec => resolvedSpec(instances, { images: [bios], ...overrides })

const bios = {
  id: 'debian-12',
  sources: [{ kind: 'file', path: '/images/debian-12.qcow2', digest: undefined }],
  firmware: 'bios',
  secureBoot: false,
  machine: 'q35',
  seedBus: 'scsi',
  user: 'debian',
} as const

const shell = (command: string): PhaseStep => ({
  kind: 'shell',
  command,
  title: command,
  directory: undefined,
  exitCodes: [0],
  timeoutMs: undefined,
  environment: {},
  user: undefined,
})

/** `web: create, connect, main, …`: what was done, without what was left out. */
export const done = (run: GuestRun | undefined): readonly string[] =>
  (run?.actions ?? [])
    .filter(({ status }) => status !== 'skipped')
    .map(({ action, status }) => (status === 'passed' ? action : `${action} ${status}`))

/** By name of the host. */
export function farmServices(
  worlds: Readonly<Record<string, FakeWorld>>,
  seam: Seam,
  finished: LifecycleRun[] = [],
): LifecycleServices {
  const [first] = Object.values(worlds)
  if (first === undefined) throw new RangeError('a farm has a world')
  return {
    session: {
      ...servicesFor(first),
      openHost: async (progress, { name }) => openFakeHost(worldOf(worlds, name), progress.seam),
    },
    connectorOf: (context) => connector(worlds, context),
    findPhases: async (_progress, { inline }) =>
      Object.fromEntries(
        Object.entries(inline).map(([name, steps]): [string, Phase] => [
          name,
          { name: name as PhaseName, origin: { kind: 'spec' }, kind: 'native', steps },
        ]),
      ) satisfies Phases,
    collectInputs: async (_progress, phase) => ({
      files: [],
      steps: sha256Hex(canonicalJson(phase.kind === 'native' ? phase.steps : phase.path)),
      notes: [],
    }),
    runPhase: async (progress, phase, { guest, onOutput }) => {
      const [step] = phase.kind === 'native' ? phase.steps : []
      const command = step?.kind === 'shell' ? step.command : ''
      onOutput('stdout', `${phase.name}: ${command}`)
      if (command === 'hang') {
        await progress.sleep(Number.POSITIVE_INFINITY)
        throw new ProvisionError('phase.timeout', { message: `${phase.name} of ${guest} took too long.` })
      }
      if (command === 'fail')
        throw new ProvisionError('phase.failed', { message: `${phase.name} of ${guest} failed.` })
      const world = worldWith(worlds, guest)
      await progress.seam.effect({ kind: 'guest.phase', object: guest, mutates: true }, async () => {
        requireRunning(world, guest)
        journalOf(world).push(`${guest} ${phase.name}`)
        const disk = rootOf(world, guest)
        if (disk !== undefined && phase.name !== 'terminate') disk.data += `+${command}`
      })
      await progress.sleep(1_000)
      return []
    },
    openResults: async () => results(seam, finished),
    identityFile: '/keys/id_ed25519',
    knownHosts: async () => '',
    nestedHost: async (_progress, host, { addresses }) => ({
      ...host,
      uri: `qemu+ssh://${addresses[0]}/system`,
    }),
    hold: async (progress, key) => hold(worlds, progress, key),
  }
}

const worldOf = (worlds: Readonly<Record<string, FakeWorld>>, name: string): FakeWorld => {
  const world = worlds[name]
  if (world !== undefined) return world
  throw new ProvisionError('host.unreachable', { message: `There is no host ${name}.` })
}

const worldWith = (worlds: Readonly<Record<string, FakeWorld>>, guest: string): FakeWorld => {
  const world = Object.values(worlds).find(({ vms }) => vms[guest] !== undefined)
  if (world !== undefined) return world
  throw new ProvisionError('vm.not-found', { message: `There is no ${guest}.` })
}

export function rootOf(world: FakeWorld, guest: string): FakeVolume | undefined {
  const path = world.vms[guest]?.disks.find(({ kind }) => kind === 'disk')?.path ?? ''
  return Object.values(world.pools)
    .flatMap((pool) =>
      Object.entries(pool.volumes).map(([name, volume]) => [`${pool.path}/${name}`, volume] as const),
    )
    .find(([at]) => at === path)?.[1]
}

function requireRunning(world: FakeWorld, guest: string): void {
  if (world.vms[guest]?.state === 'running') return
  throw new ProvisionError('guest.port-closed', { message: `${guest} does not answer.` })
}

function connector(worlds: Readonly<Record<string, FakeWorld>>, { name }: ConnectorContext): GuestConnector {
  const look = async (progress: Progress): Promise<FakeWorld> => {
    progress.check()
    return progress.seam.effect({ kind: 'guest.look', object: name, mutates: false }, async () => {
      const world = worldWith(worlds, name)
      requireRunning(world, name)
      return world
    })
  }
  return {
    kind: 'ssh',
    description: `${name} by a line of its own`,
    async open(progress) {
      await look(progress)
      let alive = true
      const channel: GuestChannel = {
        kind: 'ssh',
        description: name,
        get alive() {
          return alive
        },
        async run(inner, { script }) {
          const world = await look(inner)
          if (script.startsWith('date')) journalOf(world).push(`${name} clock`)
          return { exitCode: 0, stdout: '', stderr: '' }
        },
        async put() {},
        get: async () => {
          throw new ProvisionError('guest.file-missing', { message: 'There are no files.' })
        },
        async [Symbol.asyncDispose]() {
          alive = false
        },
      }
      return channel
    },
    awaitReachable: async (progress) => void (await look(progress)),
    ansible: async () => ({ inventory: {}, files: [] }),
  }
}

function results(seam: Seam, finished: LifecycleRun[]): Results {
  const startedAtMs = seam.nowMs()
  return {
    id: `run-${startedAtMs}`,
    folder: '/results/run',
    startedAtMs,
    log: (guest, phase) => ({ path: `${guest}/${phase}.log`, write() {}, async close() {} }),
    fetchFolder: (guest) => `/results/run/${guest}`,
    fetched: () => [],
    update() {},
    finish: async (_progress, run) => void finished.push(run),
  }
}

/** As of processes: gone with the seam that holds it. */
const holders = new WeakMap<FakeWorld, Map<string, Seam>>()

function hold(worlds: Readonly<Record<string, FakeWorld>>, progress: Progress, key: string): AsyncDisposable {
  const [world] = Object.values(worlds)
  if (world === undefined) throw new RangeError('a farm has a world')
  const held = holders.get(world) ?? new Map<string, Seam>()
  holders.set(world, held)
  const other = held.get(key)
  if (other !== undefined && !('killed' in other && other.killed === true))
    throw new ProvisionError('host.locked', {
      message: `${key} is held.`,
      details: { holder: 'another test' },
    })
  held.set(key, progress.seam)
  return {
    async [Symbol.asyncDispose]() {
      held.delete(key)
    },
  }
}
