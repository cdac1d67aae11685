import { basename } from 'node:path'
import type { GuestExplanation, LayerExplanation, PhaseExplanation } from '../../engine/lifecycle/explain.ts'
import { formatTable } from './table.ts'

/** `vmwright run --explain` for people. Pure. */
export const renderExplanation = (guests: readonly GuestExplanation[]): string =>
  guests.length === 0 ? 'No guests.\n' : guests.map(renderGuest).join('\n')

function renderGuest(guest: GuestExplanation): string {
  const { name, host, platform, target, machine, phases, layers, actions, problem } = guest
  const place = platform === undefined ? '' : `, ${platform}${target === undefined ? '' : `/${target}`}`
  const parts = [
    `${name} on ${host}${place}`,
    `  machine: ${machine}`,
    ...(problem === undefined ? [] : [`  problem: ${problem}`]),
    '',
    ...indented(formatTable(['PHASE', 'FROM'], phases.flatMap(phaseRows))),
    ...(layers.length === 0
      ? []
      : ['', ...indented(formatTable(['LAYER', 'KEY', 'CACHE', 'BECAUSE'], layers.map(layerRow)))]),
    '',
    ...(actions.length === 0 ? [] : [`  would run: ${actions.join(', ')}`]),
  ]
  return `${parts.join('\n').trimEnd()}\n`
}

function phaseRows({ phase, from, searched, allowed, notes }: PhaseExplanation): readonly string[][] {
  const origin =
    from === 'spec' ? 'the spec' : (from ?? (searched.length === 0 ? 'nothing' : 'nothing: none of'))
  return [
    [phase, `${origin}${allowed ? '' : ' (not allowed)'}`],
    ...searched.filter((path) => path !== from && from === undefined).map((path) => ['', `  ${path}`]),
    ...(from === undefined || from === 'spec' ? [] : passedOver(searched, from)),
    ...notes.map((note) => ['', `  ${note}`]),
  ]
}

/** More specific places that have none. */
const passedOver = (searched: readonly string[], from: string): readonly string[][] =>
  searched
    .slice(0, Math.max(0, searched.indexOf(from)))
    .filter((path) => basename(path) === basename(from))
    .map((path) => ['', `  not ${path}: there is none`])

const layerRow = ({ layer, key, outcome, because }: LayerExplanation): readonly string[] => [
  layer,
  key?.slice(0, 12) ?? '-',
  { hit: 'hit', miss: 'miss', 'not-allowed': 'not allowed', 'not-looked-at': '-' }[outcome],
  because,
]

const indented = (table: string): readonly string[] =>
  table
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`)
