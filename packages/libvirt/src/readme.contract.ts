import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it('the README’s example does what it says', async () => {
  const folder = fileURLToPath(new URL('..', import.meta.url))
  const readme = await readFile(`${folder}/README.md`, 'utf8')
  const example = /```ts\n([^]*?)```/.exec(readme)?.[1] ?? ''
  const options = ['--conditions=source', '--input-type=module-typescript', '--eval', example]
  const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: folder })
  expect(stdout).toBe('demo 0\ndemo 2\n{ state: 1, reason: 1 }\ndemo 5\ndemo 1\ntrue\n')
})
