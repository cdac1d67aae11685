import type { RunBudget } from '../../spec/resolved-lifecycle.ts'

/** G7. Which guests may start now, and where. Pure: the loop that starts them is in queue.ts. */
export interface RoomView {
  readonly budget: RunBudget
  /** Besides the budget's own limit. */
  readonly parallel: number | undefined
  readonly hosts: ReadonlyMap<string, HostRoom>
  /** Of this run. */
  readonly running: readonly (Wanted & { readonly host: string })[]
  readonly waiting: readonly Waiting[]
}

export interface HostRoom {
  /** Without what this run has started; infinite where the host does not tell. */
  readonly freeMib: number
  readonly cpus: number
}

interface Wanted {
  readonly memoryMib: number
  readonly vcpus: number
  /** Its place among `guests` at once is taken. */
  readonly counts: boolean
}

export interface Waiting extends Wanted {
  readonly name: string
  /** Hosts that can run it, the best first: `rank` 0 natively, 1 by emulation. */
  readonly hosts: readonly { readonly name: string; readonly rank: number }[]
  /** How many that came behind it have been started before it. */
  readonly overtaken: number
}

export interface Seats {
  readonly starts: readonly { readonly name: string; readonly host: string }[]
  /** Names of those that others have been started before, who wanted the same hosts. */
  readonly overtaken: readonly string[]
  /** Why the others wait. */
  readonly obstacles: ReadonlyMap<string, string>
}

/** So often may smaller guests pass a larger one that has no room yet; then its hosts are kept free for it. */
const mostOvertaken = 3

/** The largest first; smaller ones go where that one has no room, but not for ever. */
export function seatGuests(view: RoomView): Seats {
  const starts: { name: string; host: string }[] = []
  const obstacles = new Map<string, string>()
  const reserved = new Map<string, string>()
  const passed: Waiting[] = []
  const overtaken = new Set<string>()
  const running = [...view.running]
  for (const guest of view.waiting.toSorted(largestFirst)) {
    const found = findSeat({ ...view, running }, guest, reserved)
    if (found.kind === 'none') {
      obstacles.set(guest.name, found.why)
      passed.push(guest)
      if (guest.overtaken >= mostOvertaken)
        for (const { name } of guest.hosts) if (!reserved.has(name)) reserved.set(name, guest.name)
      continue
    }
    const { host } = found
    starts.push({ name: guest.name, host })
    running.push({ ...guest, host })
    for (const other of passed) if (other.hosts.some(({ name }) => name === host)) overtaken.add(other.name)
  }
  return { starts, overtaken: [...overtaken], obstacles }
}

/** Why a guest has no room anywhere even when nothing of this run is there; `undefined`: it has. */
export function whyNeverFits(
  view: Pick<RoomView, 'budget' | 'hosts'>,
  guest: Omit<Waiting, 'overtaken'>,
): string | undefined {
  const empty = { ...view, parallel: undefined, running: [], waiting: [] }
  const found = findSeat(empty, { ...guest, overtaken: 0 }, new Map())
  return found.kind === 'host' ? undefined : found.why
}

const largestFirst = (a: Waiting, b: Waiting): number => b.memoryMib - a.memoryMib || b.vcpus - a.vcpus

type Found =
  { readonly kind: 'host'; readonly host: string } | { readonly kind: 'none'; readonly why: string }

function findSeat(view: RoomView, guest: Waiting, reserved: ReadonlyMap<string, string>): Found {
  const { budget, parallel, running } = view
  const most = Math.min(budget.guests ?? Infinity, parallel ?? Infinity)
  if (guest.counts && running.filter(({ counts }) => counts).length >= most)
    return { kind: 'none', why: `${most} ${most === 1 ? 'guest' : 'guests'} at once` }
  const obstacles: string[] = []
  let best: { readonly host: string; readonly rank: number; readonly left: number } | undefined
  for (const { name, rank } of guest.hosts) {
    const keeper = reserved.get(name)
    const room = view.hosts.get(name)
    const here = running.filter(({ host }) => host === name)
    const obstacle =
      room === undefined
        ? `${name} is not there`
        : keeper === undefined
          ? obstacleOn(name, room, budget, here, guest)
          : `${name} is kept free for ${keeper}`
    if (obstacle !== undefined) obstacles.push(obstacle)
    if (room === undefined || obstacle !== undefined) continue
    const left = memoryLimit(room, budget) - memoryOf(here)
    const isBetter = best === undefined || rank < best.rank || (rank === best.rank && left > best.left)
    if (isBetter) best = { host: name, rank, left }
  }
  if (best !== undefined) return { kind: 'host', host: best.host }
  return { kind: 'none', why: obstacles.join('; ') || 'no host can run it' }
}

function obstacleOn(
  name: string,
  room: HostRoom,
  budget: RunBudget,
  here: readonly Wanted[],
  { memoryMib, vcpus }: Wanted,
): string | undefined {
  const free = memoryLimit(room, budget) - memoryOf(here)
  if (memoryMib > free)
    return `${name} has ${Math.max(0, Math.floor(free))} MiB of memory for it, and it wants ${memoryMib}`
  const taken = here.reduce((sum, each) => sum + each.vcpus, 0)
  const isAlone = taken === 0 && budget.vcpus === undefined // more CPUs than the host has are slow, not impossible
  const limit = budget.vcpus ?? room.cpus
  if (taken + vcpus > limit && !isAlone)
    return `${name} has ${Math.max(0, limit - taken)} CPUs for it, and it wants ${vcpus}`
  return undefined
}

const memoryLimit = ({ freeMib }: HostRoom, { memoryMib }: RunBudget): number =>
  Math.min(freeMib, memoryMib ?? Infinity)

const memoryOf = (guests: readonly Wanted[]): number =>
  guests.reduce((sum, { memoryMib }) => sum + memoryMib, 0)
