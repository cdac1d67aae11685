import type { BridgeDefinition } from '../../../../host/bridges.ts'
import type { PresentFacts } from '../by-hand.ts'
import type { Command } from '../change.ts'
import type { ConfigFile } from '../facts.ts'
import type { ManagerPlan } from '../plan-change.ts'

export const wanted: BridgeDefinition = {
  name: 'br0',
  interface: 'eno1',
  stp: false,
  confirmWithinMs: 60_000,
}

/** A host with one address and one route, and what the case is about. */
export const factsWith = (facts: Partial<PresentFacts>): PresentFacts => ({
  tools: new Set(['nmcli', 'networkctl', 'netplan', 'ifup']),
  port: { mac: '52:54:00:aa:bb:cc', mtu: 1500, type: 'ethernet', isWireless: false, master: undefined },
  bridge: undefined,
  addresses: [{ family: '-4', address: '192.0.2.7/24', broadcast: '192.0.2.255', isLasting: true }],
  routes: [
    {
      family: '-4',
      to: 'default',
      via: '192.0.2.1',
      isAdvertised: false,
      words: ['default', 'via', '192.0.2.1'],
    },
  ],
  networkd: undefined,
  networkManager: undefined,
  netplanFiles: [],
  ifupdownFiles: [],
  record: undefined,
  runs: [],
  ...facts,
})

export const configFile = (path: string, text: string): ConfigFile => ({
  path,
  mode: '600',
  content: Buffer.from(text),
})

/** Each file by the place it is tried at and the place it stays at. */
export function filesOf(plan: ManagerPlan): Readonly<Record<string, string>> {
  if ('whyNot' in plan) throw new Error(plan.whyNot)
  return Object.fromEntries(
    plan.files.map(({ path, trial, after }) => [
      `${trial ?? '-'} → ${path ?? '-'}`,
      Buffer.from(after ?? []).toString(),
    ]),
  )
}

export const linesOf = (commands: readonly Command[]): readonly string[] =>
  commands.map(({ words }) => words.join(' '))
