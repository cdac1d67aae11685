import type { SystemCensus } from '../../../host/records.ts'
import { parseInterfaces } from '../network/interfaces.ts'
import type { Sections } from '../sections.ts'
import { iptablesRules, nftRules } from './filter-rules.ts'

/** What the output of `censusScript` says. Pure. Throws for text that is not what the tools write. */
export const parseCensus = (sections: Sections): SystemCensus => ({
  rules: {
    ...nftRules(sections.of('nft')),
    ...iptablesRules('iptables', sections.of('iptables')),
    ...iptablesRules('ip6tables', sections.of('ip6tables')),
  },
  sysctls: Object.fromEntries(
    sections.of('sysctls').map((line) => {
      const [path = '', value = ''] = line.split(':')
      return [path.replace('/proc/sys/', '').replaceAll('/', '.'), value]
    }),
  ),
  files: {
    ...matching(sections.of('files'), /^((?:folder|link) \d+)() (\/.*)$/),
    ...matching(sections.of('files'), /^(file \d+)( [0-9a-f]{16})[0-9a-f]{48} [ *](\/.*)$/),
  },
  // Taps and cables are of machines and containers, which come and go.
  interfaces: Object.fromEntries(
    parseInterfaces(sections.of('interfaces'))
      .filter(({ kind }) => ['physical', 'bridge', 'vlan', 'bond'].includes(kind))
      .map(({ name, kind, master }) => [name, master === undefined ? kind : `${kind} of ${master}`]),
  ),
})

/** What, further facts, and the path, as the pattern finds them in each line. */
const matching = (lines: readonly string[], pattern: RegExp): Readonly<Record<string, string>> =>
  Object.fromEntries(
    lines.flatMap((line) => {
      const [, what = '', facts = '', path = ''] = pattern.exec(line) ?? []
      return path === '' ? [] : [[path, what + facts]]
    }),
  )
