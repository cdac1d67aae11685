import { itemName } from '../host/items.ts'
import { isAutostarted } from './network-daemon.ts'
import type { FakeVolume, FakeWorld } from './world.ts'

/**
 * One sorted line for each thing that exists, with what a stranger would mind seeing changed. Comparing two
 * censuses shows what a run made, left over or touched.
 */
export function census(world: FakeWorld): string[] {
  const lines: string[] = []
  for (const [name, pool] of Object.entries(world.pools)) {
    const state = pool.active ? 'active' : pool.built ? 'inactive' : 'not built'
    lines.push(`pool ${name} ${pool.path} ${state}`)
    for (const [volume, facts] of Object.entries(pool.volumes))
      lines.push(`volume ${name}/${volume} ${describe(facts)}`)
    for (const [volume, facts] of Object.entries(pool.unseen ?? {}))
      lines.push(`volume ${name}/${volume} ${describe(facts)} unseen`)
  }
  for (const [path, { kind, disk }] of Object.entries(world.files))
    lines.push(`file ${path} ${kind}${disk === undefined ? '' : ` ${describe(disk)}`}`)
  for (const { path, permissions } of world.access.repairs) lines.push(`acl ${path} ${permissions}`)
  for (const path of Object.keys(world.edits)) lines.push(`edited ${path}`)
  for (const [name, network] of Object.entries(world.networks)) {
    const made = network.definition === undefined ? '' : ` ${JSON.stringify(network.definition)}`
    const starts = isAutostarted(network) ? '' : ' not started with the host'
    lines.push(`network ${name} ${network.active ? 'active' : 'inactive'}${starts}${made}`)
  }
  const { system } = world
  for (const [name, value] of Object.entries(system.items)) lines.push(`item ${name}: ${value}`)
  for (const { item, before } of system.changes)
    lines.push(`changed ${itemName(item)}, before ${JSON.stringify(before)}`)
  for (const [name, { set, active, persistent }] of Object.entries(system.rules))
    lines.push(
      `rules ${name} ${active ? 'in force' : 'not in force'}${persistent ? '' : ' for now'} ${JSON.stringify(set)}`,
    )
  for (const [name, { interface: port }] of Object.entries(system.bridges))
    lines.push(`bridge ${name} over ${port}`)
  for (const project of Object.keys(system.records)) lines.push(`record from before ${project}`)
  for (const vm of Object.values(world.vms)) {
    const owner =
      vm.mark === undefined ? 'unmarked' : `${vm.mark.project}/${vm.mark.instance} ${vm.mark.stage}`
    lines.push(`vm ${vm.name} ${vm.id} ${vm.state} ${owner}${vm.autostart ? ' autostart' : ''}`)
    if (vm.firmwareVariables) lines.push(`firmware variables ${vm.name}`)
    if (vm.savedState) lines.push(`saved state ${vm.name}`)
    for (const snapshot of vm.snapshots) lines.push(`snapshot ${vm.name}/${snapshot.name} ${snapshot.kind}`)
  }
  return lines.toSorted()
}

function describe({ format, capacityBytes, data, backingPath, complete, mode }: FakeVolume): string {
  const backing = backingPath === undefined ? '' : ` on ${backingPath}`
  const permissions = mode === undefined ? '' : ` mode ${mode.toString(8)}`
  return `${format} ${capacityBytes} ${data}${backing}${permissions}${complete ? '' : ' incomplete'}`
}
