import { basename } from 'node:path'
import type { BridgeDefinition } from '../../../../host/bridges.ts'
import type { PresentFacts } from '../by-hand.ts'
import { type ChangedFile, may, must } from '../change.ts'
import type { ManagerPlan } from '../plan-change.ts'

const trial = '/run/systemd/network'
const final = '/etc/systemd/network'

/**
 * systemd-networkd takes the first `.network` file, by name, that matches (systemd.network(5)). Three files of ours
 * sort before the interface's own, which is never touched; while on trial they lie in `/run`, which a restart empties.
 */
export function networkdPlan(facts: PresentFacts, bridge: BridgeDefinition): ManagerPlan {
  const { name, interface: port } = bridge
  const own = facts.networkd?.files ?? []
  const text = own.map(({ content }) => Buffer.from(content).toString()).join('\n')
  const prefix = `00-vmwright-${name}`
  const [main] = own
  if (main !== undefined && basename(main.path) < prefix)
    return { whyNot: `${main.path} comes before every file that vmwright could add: rename it` }
  const file = (suffix: string, content: string): ChangedFile => ({
    path: `${final}/${prefix}${suffix}`,
    trial: `${trial}/${prefix}${suffix}`,
    before: undefined,
    after: Buffer.from(content),
    mode: '644',
  })
  return {
    files: [
      file('.netdev', renderNetdev(bridge, facts.port.mac)),
      file('.network', renderBridge(name, text, facts.networkd?.clientId)),
      file('-port.network', renderPort(bridge, text)),
    ],
    apply: [
      must('networkctl', 'reload'),
      may('networkctl', 'reconfigure', port, name),
      may('ip', 'address', 'flush', 'dev', port, 'scope', 'global'),
    ],
    commit: [],
    restore: [
      may('ip', 'link', 'set', 'dev', port, 'nomaster'),
      may('ip', 'link', 'delete', 'dev', name, 'type', 'bridge'),
      may('networkctl', 'reload'),
      may('networkctl', 'reconfigure', port),
    ],
  }
}

export const renderNetdev = ({ name, stp }: BridgeDefinition, mac: string): string => `[NetDev]
Name=${name}
Kind=bridge
MACAddress=${mac}

[Bridge]
STP=${stp ? 'yes' : 'no'}
${stp ? '' : 'ForwardDelaySec=0\n'}`

interface Section {
  readonly name: string
  readonly lines: readonly string[]
}

/** What a link of its own needs, below the addresses: stays with the interface. */
const stacked = /^\s*(VLAN|MACVLAN|MACVTAP|IPVLAN|IPVTAP|Xfrm)\s*=/i
const online = /^\s*(RequiredForOnline|RequiredFamilyForOnline|MTUBytes)\s*=/i

/** All that the interface's file says of addressing. The lease stays the same by the same client identifier. */
export function renderBridge(name: string, own: string, clientId: string | undefined): string {
  const sections = sectionsOf(own).map((section): Section => {
    if (section.name === 'Network')
      return { ...section, lines: section.lines.filter((line) => !stacked.test(line)) }
    if (section.name === 'Link')
      return { ...section, lines: section.lines.filter((line) => online.test(line)) }
    return section
  })
  const iaid = iaidOf(clientId)
  const says = (section: string, key: RegExp): boolean =>
    sections.some((each) => each.name === section && each.lines.some((line) => key.test(line)))
  if (iaid !== undefined && !says('DHCPv4', /^\s*(IAID|ClientIdentifier)\s*=/i))
    sections.push({ name: 'DHCPv4', lines: [`IAID=${iaid}`] })
  return render([{ name: 'Match', lines: [`Name=${name}`] }, ...sections])
}

export function renderPort({ name, interface: port }: BridgeDefinition, own: string): string {
  const sections = sectionsOf(own)
  const lines = (section: string): readonly string[] =>
    sections.filter((each) => each.name === section).flatMap((each) => each.lines)
  return render([
    { name: 'Match', lines: [`Name=${port}`] },
    { name: 'Link', lines: lines('Link').filter((line) => !/^\s*Required/i.test(line)) },
    { name: 'Network', lines: [`Bridge=${name}`, ...lines('Network').filter((line) => stacked.test(line))] },
  ])
}

/** An identifier of RFC 4361 is `ff`, the IAID in four bytes, and a DUID; networkd makes it from the link's name. */
function iaidOf(clientId: string | undefined): number | undefined {
  const digits = /^ff([0-9a-f]{8})/i.exec(clientId?.replaceAll(':', '') ?? '')?.[1]
  return digits === undefined ? undefined : Number.parseInt(digits, 16)
}

function sectionsOf(text: string): Section[] {
  const sections: { name: string; lines: string[] }[] = []
  for (const line of text.split('\n')) {
    const name = /^\s*\[(.+)\]\s*$/.exec(line)?.[1]
    if (name !== undefined) sections.push({ name, lines: [] })
    else if (line.trim() !== '' && !/^\s*[#;]/.test(line)) sections.at(-1)?.lines.push(line)
  }
  return sections.filter((section) => section.name !== 'Match')
}

const render = (sections: readonly Section[]): string =>
  sections
    .filter(({ lines }) => lines.length > 0)
    .map(({ name, lines }) => `[${name}]\n${lines.join('\n')}\n`)
    .join('\n')
