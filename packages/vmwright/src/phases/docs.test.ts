import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { Progress } from '../lib/progress.ts'
import { realSeam } from '../lib/seam.ts'
import { findPhases } from './find.ts'

const guide = resolve(import.meta.dirname, '../../../../docs/phases.md')

it('G4: the phase files in the guide are phases', async () => {
  const text = await readFile(guide, 'utf8')
  const blocks = [...text.matchAll(/^```yaml\n# (phases\/[\w.-]+)\n([\s\S]*?)^```$/gm)]
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-guide-'))
  try {
    for (const [, name = '', content = ''] of blocks) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), content)
    }
    for (const source of ['smoke-test.sh', 'site', 'shop.conf', 'motd'])
      await writeFile(join(folder, 'phases', source), '')
    const phases = await findPhases(new Progress(realSeam()), {
      folder: join(folder, 'phases'),
      platform: undefined,
      target: undefined,
      inline: {},
    })
    expect(Object.entries(phases).map(([name, { kind }]) => `${name}: ${kind}`)).toEqual([
      'dependencies: ansible',
      'init: native',
      'main: native',
    ])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
