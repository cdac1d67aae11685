import { canonicalJson, sha256Hex } from '../../lib/hash.ts'
import type { HostCensus, HostRecords } from '../host/records.ts'
import type { FakeContext } from './context.ts'
import { interfacesOf } from './host-network.ts'
import { isAutostarted } from './network-daemon.ts'
import type { FakeWorld } from './world.ts'

/** What the imagined host was before a project came. */
export function fakeRecords(context: FakeContext): HostRecords {
  const { world } = context
  return {
    census: (progress) =>
      context.look(progress, 'takeCensus', world.host, () => hostCensus(world, context.seam.nowMs())),
    async keep(progress, project, census) {
      const found = await context.look(progress, 'lookupRecord', project, () => world.system.records[project])
      if (found !== undefined) return
      const kept = structuredClone(census)
      await context.change(progress, 'keepRecord', project, () => void (world.system.records[project] = kept))
    },
    kept: (progress, project) =>
      context.look(progress, 'lookupRecord', project, () => structuredClone(world.system.records[project])),
    async forget(progress, project) {
      const found = await context.look(progress, 'lookupRecord', project, () => world.system.records[project])
      if (found === undefined) return
      await context.change(progress, 'forgetRecord', project, () => void delete world.system.records[project])
    },
  }
}

/** States of machines, leases and free space change by themselves and are left out. */
function hostCensus(world: FakeWorld, atMs: number): HostCensus {
  const { system } = world
  return {
    atMs,
    domains: each(world.vms, ({ id, vcpus, memoryMib, autostart, interfaces, disks }) =>
      digest({ id, vcpus, memoryMib, autostart, interfaces, disks }),
    ),
    volumes: Object.fromEntries(
      Object.entries(world.pools).flatMap(([name, pool]) =>
        Object.entries({ ...pool.volumes, ...pool.unseen }).map(([volume, { format, capacityBytes }]) => [
          `${name}/${volume}`,
          `${format} ${capacityBytes}`,
        ]),
      ),
    ),
    networks: each(world.networks, (network) => {
      const { active, subnets, hasDhcp, definition, bridge } = network
      return digest({ active, subnets, hasDhcp, definition, bridge, autostart: isAutostarted(network) })
    }),
    pools: each(world.pools, ({ path, active, source, permissions }) =>
      digest({ path, active, source, permissions }),
    ),
    rules: each(system.rules, digest),
    sysctls: Object.fromEntries(
      Object.entries(system.items)
        .filter(([name]) => name.startsWith('sysctl '))
        .map(([name, value]) => [name.slice('sysctl '.length), value]),
    ),
    files: {
      ...each(world.files, ({ kind }) => kind),
      ...Object.fromEntries(
        Object.values(world.pools)
          .filter(({ built }) => built)
          .map(({ path }) => [path, 'folder']),
      ),
    },
    interfaces: Object.fromEntries(
      interfacesOf(world).map(({ name, kind, addresses, master }) => [
        name,
        digest({ kind, addresses, master }),
      ]),
    ),
  }
}

const each = <T>(
  things: Readonly<Record<string, T>>,
  describe: (thing: T) => string,
): Record<string, string> =>
  Object.fromEntries(Object.entries(things).map(([name, thing]) => [name, describe(thing)]))

const digest = (value: unknown): string => sha256Hex(canonicalJson(value)).slice(0, 16)
