import { isAutostarted, startNetwork } from './network-daemon.ts'
import { startVm } from './daemon.ts'
import { isUp } from './guests.ts'
import type { FakeWorld } from './world.ts'

/** The host loses its power and comes back: only what starts by itself is there. */
export function rebootHost(world: FakeWorld, nowMs: number): void {
  for (const vm of Object.values(world.vms)) {
    if (isUp(vm)) vm.state = 'stopped'
    vm.detached = []
  }
  for (const network of Object.values(world.networks)) {
    network.active = false
    delete network.running
  }
  for (const [name, network] of Object.entries(world.networks)) {
    if (isAutostarted(network)) startNetwork(world, name)
  }
  for (const rules of Object.values(world.system.rules)) {
    rules.active = rules.persistent && world.networks[rules.set.network]?.active === true
    if (!rules.persistent) delete world.system.rules[`${rules.set.project}/${rules.set.network}`]
  }
  for (const vm of Object.values(world.vms).filter(({ autostart }) => autostart))
    startVm(world, vm.name, nowMs)
}
