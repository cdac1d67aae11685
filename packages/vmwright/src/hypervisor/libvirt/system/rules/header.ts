import { ruleDigest } from '../../../host/rule-digest.ts'
import type { RuleSet } from '../../../host/rules.ts'

/**
 * The first lines of a rules file: what the hook and `read` need to know of it without reading rules. `more`: what
 * its format needs to be taken away again.
 */
export const header = (rules: RuleSet, more: readonly string[]): string =>
  facts([
    'Made by vmwright, which removes it together with the network. Changes by hand are lost.',
    `project ${rules.project}`,
    `network ${rules.network}`,
    `digest ${ruleDigest(rules)}`,
    ...more,
  ])

export const facts = (lines: readonly string[]): string => lines.map((line) => `# ${line}\n`).join('')

/** What the lines say of a key, in the order of the lines. */
export const factsNamed = (key: string, lines: readonly string[]): readonly string[] =>
  lines.flatMap((line) => (line.startsWith(`# ${key} `) ? [line.slice(key.length + 3)] : []))
