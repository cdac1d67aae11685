import { isIPv4 } from 'node:net'
import type { VmState } from '../contract.ts'
import { notifyChange } from './changes.ts'
import { type FakeVm, type FakeWorld, type GuestScript } from './world.ts'

export const scriptOf = (world: FakeWorld, vm: string): GuestScript => ({
  ...world.defaultGuest,
  ...world.guests[vm],
})

export const isUp = (vm: FakeVm): boolean => vm.state === 'running' || vm.state === 'paused'

/** Lets the guests do what their scripts say up to now. Called before each look at the world. */
export function settleGuests(world: FakeWorld, nowMs: number): void {
  for (const vm of Object.values(world.vms)) {
    const end = endOf(world, vm)
    if (end !== undefined && end.atMs <= nowMs) {
      vm.state = end.state
      vm.detached = []
      vm.shutdownAtMs = undefined
      notifyChange(world)
    }
  }
}

/** When and how a running guest will end by itself; `undefined`: it runs on. */
function endOf(world: FakeWorld, vm: FakeVm): { readonly atMs: number; readonly state: VmState } | undefined {
  if (vm.state !== 'running') return undefined
  const { ends, shutdownMs } = scriptOf(world, vm.name)
  const byItself = ends && { atMs: vm.startedAtMs + ends.afterMs, state: ends.state }
  const asAsked =
    vm.shutdownAtMs === undefined || shutdownMs === undefined
      ? undefined
      : { atMs: vm.shutdownAtMs + shutdownMs, state: 'stopped' as const }
  if (byItself === undefined || asAsked === undefined) return byItself ?? asAsked
  return byItself.atMs < asAsked.atMs ? byItself : asAsked
}

/** Milliseconds until the next thing that happens in this guest without anybody's doing. */
export function nextEventInMs(world: FakeWorld, vm: FakeVm, nowMs: number): number | undefined {
  const { agentAfterMs, leaseAfterMs } = scriptOf(world, vm.name)
  const times = [agentAfterMs, leaseAfterMs]
    .filter((after) => after !== undefined && vm.state === 'running')
    .map((after) => vm.startedAtMs + (after ?? 0))
    .concat(endOf(world, vm)?.atMs ?? [])
    .filter((atMs) => atMs > nowMs)
  return times.length === 0 ? undefined : Math.min(...times) - nowMs
}

const hasReached = (vm: FakeVm, afterMs: number | undefined, nowMs: number): boolean =>
  vm.state === 'running' && afterMs !== undefined && nowMs >= vm.startedAtMs + afterMs

export const agentConnected = (world: FakeWorld, vm: FakeVm, nowMs: number): boolean =>
  hasReached(vm, scriptOf(world, vm.name).agentAfterMs, nowMs)

/** The leases that a network's DHCP server lists now. */
export function leasesOf(world: FakeWorld, networkName: string, nowMs: number) {
  const network = world.networks[networkName]
  if (network === undefined || !network.active) return []
  const own = Object.values(world.vms)
    .filter((vm) => network.hasDhcp && hasReached(vm, scriptOf(world, vm.name).leaseAfterMs, nowMs))
    .flatMap((vm) =>
      vm.interfaces
        .filter((port) => port.network === networkName)
        .map(({ mac }) => ({ mac, address: network.assigned[mac] ?? '', hostname: vm.name })),
    )
  return [...network.leases, ...own]
}

/** Gives each interface of a machine the address that its network's DHCP server will offer, for good. */
export function assignAddresses(world: FakeWorld, vm: FakeVm): void {
  for (const { mac, network: name } of vm.interfaces) {
    const network = name === undefined ? undefined : world.networks[name]
    const reserved = network?.running?.reservations.find((one) => one.mac === mac && isIPv4(one.address))
    if (network !== undefined && reserved !== undefined) network.assigned[mac] = reserved.address
    if (network === undefined || network.assigned[mac] !== undefined) continue
    const prefix = network.subnets[0]?.replace(/\.\d+\/.*$/, '') ?? '192.0.2'
    const first = Number((network.running?.ipv4?.dhcp?.from ?? '0.0.0.10').split('.').at(-1))
    network.assigned[mac] = `${prefix}.${first + Object.keys(network.assigned).length}`
  }
}

/** The addresses that the guest really has on its interfaces. */
export function addressesInGuest(world: FakeWorld, vm: FakeVm, nowMs: number): readonly string[] {
  const { address, leaseAfterMs } = scriptOf(world, vm.name)
  if (address !== undefined) return vm.state === 'running' ? [address] : []
  if (!hasReached(vm, leaseAfterMs, nowMs)) return []
  return vm.interfaces.flatMap(({ mac, network }) => world.networks[network ?? '']?.assigned[mac] ?? [])
}
