import type { HostVerdict } from '../../engine/verify.ts'
import type { Difference } from '../../engine/verify-compare.ts'
import { renderError } from '../fail.ts'

const words: Readonly<Record<Difference['kind'], string>> = {
  domains: 'machine',
  volumes: 'volume',
  networks: 'network',
  pools: 'pool',
  rules: 'rules',
  sysctls: 'setting',
  files: 'file',
  interfaces: 'interface',
}

/** What `destroy --verify` found, host by host. Pure. */
export const renderVerdicts = (verdicts: readonly HostVerdict[]): string =>
  verdicts.map(renderVerdict).join('')

function renderVerdict(verdict: HostVerdict): string {
  const { host } = verdict
  switch (verdict.verdict) {
    case 'failed':
      return `${host}: could not be looked at.\n${renderError(verdict.error)}`
    case 'not-known':
      return `${host}: nothing is known of before, because ${verdict.reason}.\n`
    case 'as-before':
    case 'not-as-before': {
      const { recordedAtMs, differences } = verdict
      const [kept, wrong] = [
        differences.filter((each) => each.kept !== undefined),
        differences.filter((each) => each.kept === undefined),
      ]
      const since =
        recordedAtMs === undefined
          ? 'there is no record of before (none was needed, or it was verified already)'
          : `compared with the record of ${new Date(recordedAtMs).toISOString()}`
      const title = wrong.length === 0 ? 'nothing is left' : `${wrong.length} left or changed`
      return [`${host}: ${title}; ${since}.\n`, ...wrong.map(line), ...reasons(kept)].join('')
    }
  }
}

function line({ kind, name, what, before, now }: Difference): string {
  const how = what === 'changed' ? `: ${before}, now ${now}` : ''
  return `  ${what.padEnd(7)}  ${words[kind]} ${name}${how}\n`
}

/** Each reason once, with all that it holds for. */
const reasons = (kept: readonly Difference[]): readonly string[] =>
  [...Map.groupBy(kept, (each) => each.kept)].map(
    ([reason, all]) =>
      `  kept on purpose: ${all.map(({ kind, name }) => `${words[kind]} ${name}`).join(', ')}\n    (${reason})\n`,
  )
