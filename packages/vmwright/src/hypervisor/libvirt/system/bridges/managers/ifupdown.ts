import type { BridgeDefinition } from '../../../../host/bridges.ts'
import type { PresentFacts } from '../by-hand.ts'
import { type ChangedFile, may, must } from '../change.ts'
import type { BridgeFacts } from '../facts.ts'
import type { ManagerPlan } from '../plan-change.ts'

/**
 * The interface's stanzas become the bridge's (interfaces(5)). Commands of iproute2 in them make the bridge, so that
 * neither bridge-utils nor a certain implementation of ifupdown is needed. On trial they lie in a file of our own,
 * which only this run names to `ifup`; what a restart reads is written when confirmed.
 */
export function ifupdownPlan(facts: PresentFacts, bridge: BridgeDefinition): ManagerPlan {
  const { name, interface: port } = bridge
  const alias = stanzaOf(facts, (each) => each.startsWith(`${port}:`))
  if (alias !== undefined) return { whyNot: `${port} has the alias ${alias} in its configuration` }
  const trial = `/var/lib/vmwright/bridges/${name}/interfaces`
  const sources = facts.ifupdownFiles.filter(({ content }) => headers(content).includes(port))
  const edited = sources.map(({ content }, index) =>
    moveToBridge(Buffer.from(content).toString(), bridge, {
      mac: facts.port.mac,
      isFirst: index === 0,
      isLast: index === sources.length - 1,
    }),
  )
  const files = sources.map(({ path, content, mode }, index): ChangedFile => ({
    path,
    trial: undefined,
    before: content,
    after: Buffer.from(edited[index]?.text ?? ''),
    mode,
  }))
  const own = edited.map(({ stanzas }) => stanzas).join('\n')
  return {
    files: [...files, { path: undefined, trial, before: undefined, after: Buffer.from(own), mode: '644' }],
    apply: [
      may('ifdown', port),
      may('ip', 'address', 'flush', 'dev', port, 'scope', 'global'),
      may('ifup', `--interfaces=${trial}`, port),
      must('ifup', `--interfaces=${trial}`, name),
    ],
    commit: [],
    restore: [
      may('ifdown', `--interfaces=${trial}`, name),
      may('ifdown', `--interfaces=${trial}`, port),
      may('ip', 'link', 'set', 'dev', port, 'nomaster'),
      may('ip', 'link', 'delete', 'dev', name, 'type', 'bridge'),
      may('ip', 'address', 'flush', 'dev', port, 'scope', 'global'),
      may('ifup', port),
    ],
  }
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.|?*+(){}[\]]/g, '\\$&')

/** The first interface with a stanza whose name is such. */
export const stanzaOf = (facts: BridgeFacts, is: (name: string) => boolean): string | undefined =>
  facts.ifupdownFiles.flatMap(({ content }) => headers(content)).find((name) => is(name))

const headers = (content: Uint8Array): readonly string[] =>
  [
    ...Buffer.from(content)
      .toString()
      .matchAll(/^[ \t]*iface[ \t]+(\S+)/gm),
  ].map(([, name = '']) => name)

interface Part {
  readonly mac: string
  readonly isFirst: boolean
  readonly isLast: boolean
}

/** What a line can begin with to end the stanza before it. */
const beginning =
  /^\s*(iface|auto|allow-\S+|no-auto-down|no-scripts|mapping|source|source-directory|rename|template)\s/
/** Options for the hardware stay with the interface. */
const ofHardware = /^\s*(link|ethernet|hardware|offload|ethtool|wpa|wireless)[-_]/
const commands = /^(\s*(?:pre-up|up|post-up|down|pre-down|post-down)\s)(.*)$/

/** The whole file with the interface's stanzas turned into the bridge's, and these stanzas alone. */
export function moveToBridge(
  text: string,
  bridge: BridgeDefinition,
  part: Part,
): { readonly text: string; readonly stanzas: string } {
  const { name, interface: port } = bridge
  const groups = grouped(text.split('\n'))
  const isOwn = (group: readonly string[]): boolean => headerName(group[0]) === port
  const last = groups.findLastIndex(isOwn)
  const first = groups.findIndex(isOwn)
  const hardware = groups.filter(isOwn).flatMap((group) => group.filter((line) => ofHardware.test(line)))
  const stanzas: string[] = []
  const lines = groups.flatMap((group, index) => {
    if (!isOwn(group)) return group
    const made = renderStanza(group, bridge, {
      mac: part.mac,
      isFirst: part.isFirst && index === first,
      isLast: part.isLast && index === last,
    })
    const lead =
      part.isFirst && index === first
        ? [`iface ${port} inet manual`, ...hardware, '', `auto ${name}`]
        : hardware.length > 0 && index === first
          ? [`iface ${port} inet manual`, ...hardware, '']
          : []
    stanzas.push(...lead, ...made)
    return [...lead, ...made]
  })
  return { text: lines.join('\n'), stanzas: `${stanzas.join('\n')}\n` }
}

/** Lines by stanza: each group begins with what begins a stanza, but for what stands before the first. */
function grouped(lines: readonly string[]): readonly (readonly string[])[] {
  const groups: string[][] = [[]]
  let continues = false
  for (const line of lines) {
    if (!continues && beginning.test(`${line} `)) groups.push([])
    groups.at(-1)?.push(line)
    continues = line.endsWith('\\')
  }
  return groups
}

const headerName = (line: string | undefined): string | undefined => /^\s*iface\s+(\S+)/.exec(line ?? '')?.[1]

function renderStanza(
  group: readonly string[],
  { name, interface: port, stp }: BridgeDefinition,
  { mac, isFirst, isLast }: Part,
): readonly string[] {
  const [header = '', ...options] = group.filter(
    (line) => !ofHardware.test(line) && !/^\s*hwaddress\s/.test(line),
  )
  const end = options.findLastIndex((line) => line.trim() !== '' && !line.trim().startsWith('#')) + 1
  const settings = stp ? 'stp_state 1' : 'stp_state 0 forward_delay 0'
  const word = new RegExp(`(?<![\\w.:-])${escaped(port)}(?![\\w.:-])`, 'g')
  return [
    header.replace(/^(\s*iface\s+)\S+/, (_, lead: string) => `${lead}${name}`),
    ...(isFirst
      ? [
          `    pre-up ip link add name ${name} type bridge 2>/dev/null || true`,
          `    pre-up ip link set dev ${name} type bridge ${settings}`,
          `    pre-up ip link set dev ${name} address ${mac}`,
          `    pre-up ip link set dev ${port} up`,
          `    pre-up ip link set dev ${port} master ${name}`,
        ]
      : []),
    ...options
      .slice(0, end)
      .map((line) =>
        line.replace(commands, (_, lead: string, rest: string) => lead + rest.replaceAll(word, () => name)),
      ),
    ...(isLast ? [`    post-down ip link delete dev ${name} type bridge 2>/dev/null || true`] : []),
    ...options.slice(end),
  ]
}
