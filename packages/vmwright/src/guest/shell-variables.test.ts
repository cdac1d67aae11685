import { expect, it, test } from 'vitest'
import { renderVariables } from './shell-variables.ts'

const hostile = `it's "$HOME" \`id\` \\ ’ 100%`

test.each([
  ['sh', `export A='it'\\''s "$HOME" \`id\` \\ ’ 100%'\nunset B\n`],
  ['fish', `set -gx A 'it\\'s "$HOME" \`id\` \\\\ ’ 100%'\nset -e B\n`],
  [
    'powershell',
    `$env:A = 'it''s "$HOME" \`id\` \\ ’’ 100%'\nRemove-Item -ErrorAction SilentlyContinue Env:B\n`,
  ],
] as const)('K9: quotes for %s, whatever is in a value', (shell, want) => {
  expect(renderVariables(shell, { A: hostile, B: undefined })).toBe(want)
})

it('K9: nothing is nothing', () => expect(renderVariables('sh', {})).toBe(''))
