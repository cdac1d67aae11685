import type { HostCheck } from '../../engine/host-check.ts'
import type { ItemCheck } from '../../host/host-state.ts'
import { wantedState } from '../../host/plan-prepare.ts'
import type { VirtualisationVerdict } from '../../host/virtualisation.ts'
import { renderError } from '../fail.ts'
import { renderFinding } from './plan-text.ts'
import { formatTable } from './table.ts'

/** Hosts beside what they should be, as a person reads it. Pure. */
export const renderChecks = (checks: readonly HostCheck[]): string => checks.map(renderCheck).join('\n')

function renderCheck(check: HostCheck): string {
  if (check.kind === 'failed') return `Host ${check.host}\n${renderError(check.error)}`
  const { state, bridges, verdict, findings } = check
  const { facts } = state.report
  const missing = state.items.filter(({ isSo }) => !isSo).length + bridges.length
  const libvirt =
    facts.libvirt === undefined ? 'no libvirt' : `libvirt ${facts.libvirt.version} (${facts.libvirt.daemons})`
  return [
    `Host ${check.host}: ${facts.distribution}, ${facts.architecture}, ${libvirt}\n\n`,
    formatTable(
      ['STATE', 'ITEM', 'NOW', 'WANTED BECAUSE'],
      [
        ...state.items.map(itemRow),
        ...bridges.map(({ name, action, reason }) => [
          action === 'blocked' ? 'BLOCKED' : 'MISSING',
          `bridge ${name}`,
          'not there',
          reason,
        ]),
      ],
    ),
    `\nHardware virtualisation: ${verdictText(verdict)}\n`,
    ...findings.map((finding) => `${renderFinding(finding)}\n`),
    missing === 0
      ? 'Everything is as it should be.\n'
      : `${missing} of ${state.items.length + bridges.length} items are not as they should be: \`vmwright host prepare\` changes what it can.\n`,
  ].join('')
}

const itemRow = ({ item, name, isSo, now, whyNot, reason }: ItemCheck): readonly string[] => [
  isSo ? 'ok' : whyNot === undefined ? 'MISSING' : 'BLOCKED',
  name,
  hasOtherValue({ item, isSo, now }) ? `${now}, not ${wantedState(item)}` : now,
  reason,
]

const hasOtherValue = ({ item, isSo, now }: Pick<ItemCheck, 'item' | 'isSo' | 'now'>): boolean =>
  !isSo && (item.kind === 'sysctl' || item.kind === 'config-line') && !now.startsWith(wantedState(item))

function verdictText({ state, by, reason }: VirtualisationVerdict): string {
  const word = { works: 'yes', likely: 'likely', fails: 'NO' }[state]
  return `${word}, ${reason}${by === 'facts' && state === 'fails' ? ' (seen from the host alone; no guest was started)' : ''}.`
}
