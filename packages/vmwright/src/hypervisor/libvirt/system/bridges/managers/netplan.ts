import { Document, isMap, parseDocument, type YAMLMap } from 'yaml'
import type { BridgeDefinition } from '../../../../host/bridges.ts'
import type { PresentFacts } from '../by-hand.ts'
import { type ChangedFile, may, must } from '../change.ts'
import type { BridgeFacts } from '../facts.ts'
import type { ManagerPlan } from '../plan-change.ts'

/**
 * In each file that describes the interface, what it says of addressing moves to the bridge: files are merged by
 * netplan, so what several say comes together as before. A copy in `/run/netplan` hides the file of the same name in
 * `/etc/netplan` (netplan(5)); it is the trial, which a restart forgets.
 */
export function netplanPlan(facts: PresentFacts, bridge: BridgeDefinition): ManagerPlan {
  const found = describing(facts, bridge.interface)
  const files = found.map(({ file, document, key }, index): ChangedFile => {
    moveToBridge(document, key, index === 0 ? { ...bridge, mac: facts.port.mac } : { name: bridge.name })
    return {
      path: file.path,
      trial: file.path.replace('/etc/', '/run/'),
      before: file.content,
      after: Buffer.from(document.toString({ lineWidth: 0 })),
      mode: '600',
    }
  })
  return {
    files,
    apply: [
      must('netplan', 'apply'),
      may('ip', 'address', 'flush', 'dev', bridge.interface, 'scope', 'global'),
    ],
    commit: [],
    restore: [
      may('ip', 'link', 'set', 'dev', bridge.interface, 'nomaster'),
      may('ip', 'link', 'delete', 'dev', bridge.name, 'type', 'bridge'),
      may('netplan', 'apply'),
    ],
  }
}

/** The files that describe the interface, by its name or by what they match. */
export function describing(
  facts: BridgeFacts,
  port: string,
): readonly {
  readonly file: BridgeFacts['netplanFiles'][number]
  readonly document: Document
  readonly key: string
}[] {
  const all = facts.netplanFiles.flatMap((file) => {
    const document = parseDocument(Buffer.from(file.content).toString())
    const ethernets = document.getIn(['network', 'ethernets'])
    if (document.errors.length > 0 || !isMap(ethernets)) return []
    return ethernets.items.flatMap(({ key, value }) =>
      isMap(value) ? [{ file, document, key: String(key), entry: value }] : [],
    )
  })
  // A file may add to what another one says, by the key alone.
  const keyed = all.find(({ entry, key }) => matches(entry, key, port, facts.port?.mac))?.key
  return all.filter(({ key }) => key === keyed)
}

function matches(entry: YAMLMap, key: string, port: string, mac: string | undefined): boolean {
  if (!isMap(entry.get('match'))) return key === port
  if (entry.has('set-name')) return entry.get('set-name') === port
  const name = entry.getIn(['match', 'name'])
  const address = entry.getIn(['match', 'macaddress'])
  if (address !== undefined) return String(address).toLowerCase() === mac
  return name === undefined ? key === port : globbed(String(name)).test(port)
}

const globbed = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replaceAll(/[\\^$.|+(){}]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  )

/** What stays with the interface: which it is and how its hardware is set. All else is addressing. */
const ofHardware =
  /^(match|set-name|macaddress|mtu|wakeonlan|emit-lldp|auth|link|renderer|virtual-function-count|embedded-switch-mode|delay-virtual-functions-rebind|infiniband-mode|ethtool|.*-offload|openvswitch|optional)$/
const ofBoth = /^(mtu|renderer|optional)$/

interface BridgeEntry {
  readonly name: string
  /** Given once, in the first file. */
  readonly stp?: boolean
  readonly mac?: string
}

function moveToBridge(document: Document, key: string, bridge: BridgeEntry): void {
  const port = document.getIn(['network', 'ethernets', key])
  if (!isMap(port)) return
  const entry = document.createNode({}) as YAMLMap
  if (bridge.mac !== undefined) {
    entry.set('interfaces', document.createNode([key], { flow: true }))
    entry.set('macaddress', bridge.mac)
    const parameters = bridge.stp === true ? { stp: true } : { stp: false, 'forward-delay': 0 }
    entry.set('parameters', document.createNode(parameters))
  }
  for (const item of port.items.slice()) {
    const name = String(item.key)
    if (ofBoth.test(name)) entry.set(name, item.value)
    if (ofHardware.test(name)) continue
    entry.items.push(item)
    port.delete(item.key)
  }
  if (bridge.mac !== undefined) for (const family of ['dhcp4', 'dhcp6']) port.set(family, false)
  document.setIn(['network', 'bridges', bridge.name], entry)
}
