import { type ErrorCode, errorCatalogue } from '@vmwright/contract'
import { exitCodeOfError } from '../packages/vmwright/src/cli/exit-codes.ts'

/** What the first part of a code stands for, in the order of the page. */
const groups = {
  spec: 'The spec',
  secret: 'Secrets',
  image: 'Images',
  template: 'Templates',
  cache: 'The image cache',
  host: 'Hosts',
  pool: 'Storage pools',
  network: 'Networks',
  address: 'Addresses',
  vm: 'Machines',
  disk: 'Disks',
  snapshot: 'Snapshots',
  fork: 'Forks',
  wait: 'Waiting',
  guest: 'Guests',
  phase: 'Phases',
  process: 'Programs',
  run: 'Runs',
  results: 'Results of runs',
  usage: 'The command line',
  benchmark: 'Benchmarks',
  import: 'Imports',
  internal: 'Inside',
} as const satisfies Readonly<Record<string, string>>

/** `docs/errors.md`, made from the error catalogue. Throws for a code whose group has no heading. */
export function errorPage(): string {
  const codes = Object.keys(errorCatalogue) as ErrorCode[] // the keys of a constant
  const homeless = codes.filter((code) => !Object.hasOwn(groups, groupOf(code)))
  if (homeless.length > 0) throw new Error(`no heading for ${homeless.join(', ')} in scripts/error-page.ts`)
  const sections = Object.entries(groups).map(
    ([group, heading]) =>
      `## ${heading}\n\n${codes
        .filter((code) => groupOf(code) === group)
        .map(entryOf)
        .join('\n')}`,
  )
  return `${introduction}\n${sections.join('\n')}`
}

const groupOf = (code: string): string => code.slice(0, code.indexOf('.'))

function entryOf(code: ErrorCode): string {
  const { title, when, hint } = errorCatalogue[code]
  return `### \`${code}\`

${title}

- When: ${when}
- What to do: ${hint}
- Exit code: ${exitCodeOfError(code)}
`
}

const introduction = `# Errors

<!-- Made by scripts/generate-docs.ts from packages/contract/src/errors/. Do not edit. -->

Every error has a code that does not change, a message (what could not be done, to which object), a hint (what you can
do now) and details (facts for programs). \`vmwright errors CODE\` tells the same as this page.

The hint that a run shows is often more exact than the one here, because the place where it happened knows the names.
Findings of a plan use the same codes; a finding that is an error stops \`apply\` before anything is done, with exit
code 5 whatever the code is. An error in a step of a run ends it with exit code 1.
`
