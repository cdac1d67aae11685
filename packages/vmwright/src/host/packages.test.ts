import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { packageTable } from './packages.ts'

const page = readFileSync(new URL('../../../../docs/host.md', import.meta.url), 'utf8')

it('K2: docs/host.md has the table of packages', () => {
  const cell = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ')
  const rows = packageTable.map(
    ({ purpose, architecture = 'all', names }) =>
      `| ${[purpose, architecture, cell(names.debian), cell(names.redhat), cell(names.arch), cell(names.suse)].join(' | ')} |`,
  )
  expect(page).toContain(rows.join('\n'))
})
