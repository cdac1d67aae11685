import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { VmState } from '../contract.ts'
import type { ConsoleStream, GuestAccess, GuestChange } from '../guest-access.ts'
import { onWorldChange, versionOf } from './changes.ts'
import type { FakeContext } from './context.ts'
import { refuse, vmNamed } from './daemon.ts'
import { addressesInGuest, agentConnected, isUp, leasesOf, nextEventInMs, scriptOf } from './guests.ts'
import type { FakeVm } from './world.ts'

/** A guest as its script in `world.guests` says. */
export function openGuest(context: FakeContext, name: string): GuestAccess {
  const { world, seam } = context
  const vm = (): FakeVm | undefined => world.vms[name]
  const connected = (): boolean => {
    const found = vm()
    return found !== undefined && agentConnected(world, found, seam.nowMs())
  }
  const state = (progress: Progress): Promise<VmState> =>
    context.look(progress, 'state', name, () => vmNamed(world, name).state)

  return {
    state,
    isEmulated: (progress) =>
      context.look(progress, 'isEmulated', name, () => vmNamed(world, name).acceleration === 'emulation'),
    addresses: (progress) =>
      context.look(progress, 'addresses', name, () => {
        const found = vmNamed(world, name)
        const macs = new Set(found.interfaces.map(({ mac }) => mac))
        const leases = found.interfaces.flatMap(({ network }) => leasesOf(world, network ?? '', seam.nowMs()))
        const inGuest = addressesInGuest(world, found, seam.nowMs())
        return {
          lease: isUp(found) ? leases.filter(({ mac }) => macs.has(mac)).map(({ address }) => address) : [],
          arp: inGuest,
          agent: connected() ? inGuest : [],
        }
      }),
    agent: (progress, command) =>
      context.look(progress, 'agent', name, () => {
        if (!connected()) {
          throw new ProvisionError('guest.agent-silent', {
            message: `The guest agent of ${name} does not answer.`,
            retryable: true,
          })
        }
        const reply = scriptOf(world, name).agentReplies[command]
        if (reply === undefined) throw refuse(`call ${command} in ${name}: the agent does not know it`)
        return structuredClone(reply)
      }),
    async console(progress) {
      if ((await state(progress)) !== 'running') throw refuse(`open the console of ${name}: it does not run`)
      return openConsole(context, progress, name)
    },
    async watch(progress, onChange) {
      await state(progress)
      return watchGuest(context, progress, name, onChange)
    },
  }
}

function watchGuest(
  context: FakeContext,
  progress: Progress,
  name: string,
  onChange: (change: GuestChange) => void,
): AsyncDisposable {
  const { world, seam } = context
  const stopped = new AbortController()
  const look = () => {
    const vm = world.vms[name]
    return {
      state: vm?.state ?? ('stopped' as const),
      connected: vm !== undefined && agentConnected(world, vm, seam.nowMs()),
    }
  }
  let last = look()
  const tell = (): void => {
    const now = look()
    const before = last
    last = now
    if (now.state !== before.state) onChange({ kind: 'state', state: now.state })
    if (now.connected !== before.connected) onChange({ kind: 'agent', connected: now.connected })
  }
  const run = async (): Promise<void> => {
    const signal = AbortSignal.any([stopped.signal, progress.signal])
    while (!stopped.signal.aborted) {
      const version = versionOf(world)
      await context.look(progress, 'watch', name, tell)
      await nextEvent(context, name, { version, signal })
    }
  }
  // It ends by disposal, by cancellation, or with the process: none of them is for the watcher to report.
  const ended = run().catch(() => {})
  return {
    async [Symbol.asyncDispose]() {
      stopped.abort()
      await ended
    },
  }
}

function openConsole(context: FakeContext, progress: Progress, name: string): ConsoleStream {
  const { world, seam } = context
  const closed = new AbortController()
  const signal = AbortSignal.any([closed.signal, progress.signal])
  const startedAtMs = world.vms[name]?.startedAtMs ?? 0
  const openedAtMs = seam.nowMs()
  const pending = scriptOf(world, name).console.filter(({ atMs }) => startedAtMs + atMs >= openedAtMs)
  const runs = (): Promise<boolean> =>
    context.look(progress, 'console', name, () => world.vms[name]?.state === 'running')

  async function* read(): AsyncGenerator<Uint8Array> {
    let next = 0
    for (;;) {
      const version = versionOf(world)
      if (closed.signal.aborted || !(await runs())) return
      const line = pending[next]
      const dueInMs = line === undefined ? Number.POSITIVE_INFINITY : startedAtMs + line.atMs - seam.nowMs()
      if (line !== undefined && dueInMs <= 0) {
        next++
        yield new TextEncoder().encode(line.text)
      } else {
        await nextEvent(context, name, { version, signal, atMostMs: dueInMs })
      }
    }
  }
  return {
    [Symbol.asyncIterator]: () => read(),
    async write() {},
    async [Symbol.asyncDispose]() {
      closed.abort()
    },
  }
}

/**
 * Resolves at the next thing that may have changed the guest since `version`, at the latest after `atMostMs`, or
 * when the signal aborts.
 */
async function nextEvent(
  context: FakeContext,
  name: string,
  wait: { readonly version: number; readonly signal: AbortSignal; readonly atMostMs?: number },
): Promise<void> {
  const { world, seam } = context
  if (versionOf(world) !== wait.version || wait.signal.aborted) return
  const changed = new AbortController()
  const unsubscribe = onWorldChange(world, () => changed.abort())
  const vm = world.vms[name]
  const eventMs = vm === undefined ? undefined : nextEventInMs(world, vm, seam.nowMs())
  const limits = [eventMs, wait.atMostMs].filter((ms) => ms !== undefined)
  try {
    await seam.sleep(
      Math.min(Number.POSITIVE_INFINITY, ...limits),
      AbortSignal.any([wait.signal, changed.signal]),
    )
  } catch (error) {
    if (!changed.signal.aborted && !wait.signal.aborted) throw error
  } finally {
    unsubscribe()
  }
}
