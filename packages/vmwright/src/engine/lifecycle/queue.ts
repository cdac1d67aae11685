import type { GuestRun } from '@vmwright/contract'
import { messageOf } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { Results } from '../../results/results.ts'
import type { ResolvedSpec } from '../../spec/resolved.ts'
import { runGuest } from './guest.ts'
import { imageDigests } from './image-digests.ts'
import type { Guest, GuestJob } from './job.ts'
import { openNested } from './nested.ts'
import { type Candidate, notRun, readInputs, waitingOf } from './plan-run.ts'
import { type HostRoom, seatGuests, type Waiting, whyNeverFits } from './room.ts'
import type { LifecycleOptions } from './run.ts'
import { capableHosts, roomsFor, type Survey } from './survey.ts'

export interface QueueOptions {
  readonly options: LifecycleOptions
  readonly candidates: readonly Candidate[]
  readonly survey: Survey
  readonly results: Results
  /** After each change of any guest. */
  readonly onChange: (guests: readonly GuestRun[]) => void
  /** Stops all that runs; with --fail-fast after the first failure. */
  readonly stop: (because: string) => void
}

interface Entry {
  readonly candidate: Candidate
  readonly sinceMs: number
  state: 'waiting' | 'running' | 'serving' | 'done'
  hosts: Waiting['hosts']
  host: string | undefined
  overtaken: number
  obstacle: string | undefined
  run: GuestRun | undefined
}

/** G7, G9. Starts each guest as soon as it has room, those inside of others once these are up, until all are done. */
export class Queue {
  readonly #given: QueueOptions
  readonly #entries: Entry[]
  readonly #rooms: Map<string, HostRoom>
  readonly #digests: ReturnType<typeof imageDigests>
  #spec: ResolvedSpec
  #bell = Promise.withResolvers<void>()

  constructor(progress: Progress, given: QueueOptions) {
    const { options, candidates, survey } = given
    const names = new Set(candidates.map(({ instance }) => instance.name))
    this.#given = given
    this.#spec = options.spec
    this.#rooms = new Map(roomsFor(survey, names))
    this.#digests = imageDigests(options.spec, options.services.session)
    this.#entries = candidates.map((candidate) => ({
      candidate,
      sinceMs: progress.seam.nowMs(),
      state: 'waiting',
      hosts: candidate.inside === undefined ? capableHosts(options.spec, candidate.instance, survey) : [],
      host: undefined,
      overtaken: 0,
      obstacle: candidate.inside === undefined ? undefined : `${candidate.inside} to be up`,
      run: undefined,
    }))
  }

  /** In the order of the candidates. */
  get runs(): readonly GuestRun[] {
    return this.#entries.flatMap(({ run }) => run ?? [])
  }

  async run(progress: Progress): Promise<readonly GuestRun[]> {
    for (;;) {
      this.#giveUp(progress)
      if (!progress.signal.aborted) this.#startWhatFits(progress)
      if (this.#entries.every(({ state }) => state === 'done')) return this.runs
      const idle = this.#entries.every(({ state }) => state === 'waiting' || state === 'done')
      if (idle) {
        for (const entry of this.#waiting()) this.#leave(entry, entry.obstacle ?? 'there is no room')
        continue
      }
      await this.#bell.promise
      this.#bell = Promise.withResolvers()
    }
  }

  #waiting(): readonly Entry[] {
    return this.#entries.filter(({ state }) => state === 'waiting')
  }

  #startWhatFits(progress: Progress): void {
    const ready = this.#waiting().filter(({ hosts }) => hosts.length > 0)
    const seats = seatGuests({
      budget: this.#spec.budget,
      parallel: this.#given.options.parallel,
      hosts: this.#rooms,
      running: this.#entries.flatMap(({ state, host, candidate: { instance } }) =>
        host !== undefined && (state === 'running' || state === 'serving')
          ? [{ ...waitingOf(instance, []), counts: state === 'running', host }]
          : [],
      ),
      waiting: ready.map((entry) => ({
        ...waitingOf(entry.candidate.instance, entry.hosts),
        overtaken: entry.overtaken,
      })),
    })
    for (const entry of ready) {
      const { name } = entry.candidate.instance
      entry.obstacle ??= seats.obstacles.get(name)
      if (seats.overtaken.includes(name)) entry.overtaken++
      const seat = seats.starts.find((each) => each.name === name)
      if (seat !== undefined) this.#start(progress, entry, seat.host)
    }
  }

  #start(progress: Progress, entry: Entry, host: string): void {
    entry.state = 'running'
    entry.host = host
    const ended = runGuest(progress, this.#jobOf(entry, host))
    const failed = (error: unknown): GuestRun => notRun(entry.candidate, messageOf(error))
    void ended.catch(failed).then((run) => {
      entry.run = run
      entry.state = 'done'
      if (run.outcome === 'failed' && this.#given.options.failFast) this.#given.stop(`${run.name} failed`)
      this.#changed()
    })
  }

  #jobOf(entry: Entry, host: string): GuestJob {
    const { options, results } = this.#given
    const { instance: declared, phases, inside } = entry.candidate
    const instance = { ...declared, host, placement: undefined }
    const spec = {
      ...this.#spec,
      instances: this.#spec.instances.map((each) => (each.name === instance.name ? instance : each)),
    }
    const serves = this.#entries.some(({ candidate }) => candidate.inside === instance.name)
    return {
      instance: inside === undefined ? instance : withoutOwnWay(instance),
      spec,
      phases,
      inputs: (progress) => readInputs(progress, { instance, phases }, options.services),
      options,
      results,
      imageDigest: (progress) => this.#digests(progress, instance),
      queued: entry.obstacle === undefined ? undefined : { sinceMs: entry.sinceMs, because: entry.obstacle },
      onChange: (run) => {
        entry.run = run
        this.#given.onChange(this.runs)
      },
      serve: serves ? (progress, guest) => this.#serve(progress, entry, guest) : undefined,
    }
  }

  /** From now on a guest is a host, until the last of its guests is done. */
  async #serve(progress: Progress, entry: Entry, guest: Guest): Promise<void> {
    const { name } = guest.job.instance
    const inner = this.#entries.filter(({ candidate }) => candidate.inside === name)
    const opened = await openNested(progress, guest, {
      spec: this.#spec,
      instances: inner.map(({ candidate }) => candidate.instance),
    })
    this.#spec = opened.spec
    const names = new Set(inner.map(({ candidate }) => candidate.instance.name))
    for (const [host, room] of roomsFor(opened.survey, names)) this.#rooms.set(host, room)
    for (const each of inner.filter(({ state }) => state === 'waiting')) this.#admit(each, opened.survey)
    entry.state = 'serving'
    this.#changed()
    while (inner.some(({ state }) => state !== 'done')) await this.#bell.promise
    entry.state = 'running'
  }

  #admit(entry: Entry, survey: Survey): void {
    const { instance } = entry.candidate
    const hosts = capableHosts(this.#spec, instance, survey)
    const view = { budget: this.#spec.budget, hosts: this.#rooms }
    const why = whyNeverFits(view, waitingOf(instance, hosts))
    if (why === undefined) entry.hosts = hosts
    else this.#leave(entry, `there is no room for it: ${why}`)
  }

  /** Those that will never have what they wait for. */
  #giveUp(progress: Progress): void {
    for (const entry of this.#waiting()) {
      const { instance, inside } = entry.candidate
      const outer = this.#entries.find(({ candidate }) => candidate.instance.name === inside)
      const lost = this.#given.survey.unreachable.get(instance.host)
      if (progress.signal.aborted) this.#leave(entry, whyStopped(progress.signal.reason))
      else if (outer?.state === 'done') this.#leave(entry, `${inside}, which it is inside of, is not up`)
      else if (inside === undefined && entry.hosts.length === 0)
        this.#leave(entry, lost?.message ?? 'no host that answers can run it')
    }
  }

  #leave(entry: Entry, because: string): void {
    entry.run = notRun(entry.candidate, because)
    entry.state = 'done'
    this.#changed()
  }

  #changed(): void {
    this.#given.onChange(this.runs)
    this.#bell.resolve()
  }
}

/** Its own address cannot be reached from here, only through the guest that it is in. */
const withoutOwnWay = (instance: Candidate['instance']): Candidate['instance'] => ({
  ...instance,
  ready: {
    ...instance.ready,
    rungs: instance.ready.rungs.filter((rung) => rung !== 'port' && rung !== 'ssh'),
  },
})

const whyStopped = (reason: unknown): string => messageOf(reason) || 'cancelled'
