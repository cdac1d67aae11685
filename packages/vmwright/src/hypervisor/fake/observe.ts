import { isDeepStrictEqual } from 'node:util'
import type { ObservedHost, ObservedVm } from '../contract.ts'
import type { ObservedNetwork } from '../networks.ts'
import { freeBytesOf, pathOf } from './daemon.ts'
import { isUp, leasesOf } from './guests.ts'
import { isAutostarted } from './network-daemon.ts'
import type { FakeNetwork, FakeVm, FakeWorld } from './world.ts'

/** What a driver can see of the world: a copy, which later changes do not touch. */
export function observeWorld(world: FakeWorld, nowMs: number, pools?: ReadonlySet<string>): ObservedHost {
  const usedMib = Object.values(world.vms)
    .filter(isUp)
    .reduce((sum, vm) => sum + vm.memoryMib, 0)
  return structuredClone({
    host: world.host,
    cpus: world.cpus,
    memoryMib: world.memoryMib,
    freeMemoryMib: Math.max(0, world.memoryMib - usedMib),
    networks: Object.entries(world.networks).map(([name, network]) =>
      observeNetwork(world, name, network, nowMs),
    ),
    pools: Object.entries(world.pools).map(([name, pool]) => ({
      name,
      path: pool.path,
      active: pool.active,
      isOurs: pool.isOurs === true,
      freeBytes: pool.active ? freeBytesOf(pool) : 0,
      volumes: Object.entries(pool.active && pools?.has(name) !== false ? pool.volumes : {}).map(
        ([volume, facts]) => ({
          name: volume,
          path: pathOf(pool, { pool: name, name: volume }),
          capacityBytes: facts.capacityBytes,
          allocationBytes: facts.allocationBytes,
          format: facts.complete ? facts.format : 'raw',
          backingPath: facts.backingPath,
        }),
      ),
    })),
    vms: Object.values(world.vms).map(observeVm),
  })
}

function observeNetwork(
  world: FakeWorld,
  name: string,
  network: FakeNetwork,
  nowMs: number,
): ObservedNetwork {
  const { active, subnets, hasDhcp, bridge, definition, running } = network
  return {
    name,
    active,
    autostart: isAutostarted(network),
    mark: definition?.mark,
    bridge,
    subnets,
    hasDhcp,
    definition,
    running: isDeepStrictEqual(running, definition) ? undefined : running,
    leases: leasesOf(world, name, nowMs),
  }
}

const observeVm = (vm: FakeVm): ObservedVm => ({
  name: vm.name,
  id: vm.id,
  state: vm.state,
  mark: vm.mark,
  vcpus: vm.vcpus,
  singleSocket: vm.singleSocket,
  memoryMib: vm.memoryMib,
  machine: vm.machine,
  firmware: vm.firmware,
  secureBoot: vm.secureBoot,
  autostart: vm.autostart,
  interfaces: vm.interfaces,
  detached: vm.detached,
  disks: vm.disks,
  snapshots: vm.snapshots.map(({ name }) => name),
})
