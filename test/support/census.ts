import { linesOf, type Virsh } from './virsh.ts'

/**
 * All that a libvirt has, one line for each object, with what must not change without being asked for: machines
 * with their whole definition, snapshots, pools, volumes, networks. Volatile numbers (ids, ports, allocation) are
 * left out.
 */
export async function census(virsh: Virsh): Promise<readonly string[]> {
  const [machines, pools, networks] = await Promise.all([
    namesOf(virsh, 'list', '--all', '--name'),
    namesOf(virsh, 'pool-list', '--all', '--name'),
    namesOf(virsh, 'net-list', '--all', '--name'),
  ])
  const lines: string[] = []
  for (const name of machines) lines.push(...(await machineLines(virsh, name)))
  for (const name of pools) lines.push(...(await poolLines(virsh, name)))
  for (const name of networks)
    lines.push(`network ${name} ${withoutUse(squeeze(await virsh('net-dumpxml', name)))}`)
  return lines.toSorted()
}

async function machineLines(virsh: Virsh, name: string): Promise<readonly string[]> {
  const xml = await virsh('dumpxml', '--inactive', '--security-info', name)
  const state = await virsh('domstate', name)
  const snapshots = await namesOf(virsh, 'snapshot-list', name, '--name')
  return [
    `machine ${name} ${state} ${squeeze(xml)}`,
    ...snapshots.map((snapshot) => `snapshot ${name}/${snapshot}`),
  ]
}

async function poolLines(virsh: Virsh, name: string): Promise<readonly string[]> {
  const xml = await virsh('pool-dumpxml', '--inactive', name)
  const isActive = (await namesOf(virsh, 'pool-list', '--name')).includes(name)
  if (isActive) await virsh('pool-refresh', name)
  const volumes = isActive
    ? linesOf(await virsh('vol-list', name)).map((line) => line.split(/\s+/)[0] ?? '')
    : []
  const lines = [`pool ${name} ${isActive ? 'active' : 'inactive'} ${squeeze(withoutVolatile(xml))}`]
  for (const volume of volumes) {
    const capacity = /<capacity[^>]*>(\d+)/.exec(await virsh('vol-dumpxml', volume, '--pool', name))?.[1]
    lines.push(`volume ${name}/${volume} ${capacity}`)
  }
  return lines
}

const namesOf = async (virsh: Virsh, ...list: readonly string[]): Promise<readonly string[]> =>
  linesOf(await virsh(...list))

/** Amounts change with every write; permissions are known only after the pool was looked at. */
const withoutVolatile = (xml: string): string =>
  xml
    .replace(/<(capacity|allocation|available)[^>]*>\d+<\/\1>/g, '')
    .replace(/<permissions>.*?<\/permissions>/s, '')

const squeeze = (xml: string): string => xml.replace(/\s+/g, ' ')

const withoutUse = (xml: string): string => xml.replace(/ connections='\d+'/, '')
