import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Progress } from '../lib/progress.ts'
import { realSeam } from '../lib/seam.ts'
import { createRandom } from '../lib/testing/random.ts'
import { findPhases } from './find.ts'
import { collectInputs } from './inputs.ts'
import type { PhaseInputs } from './phase.ts'

const progress = new Progress(realSeam())

describe('the inputs of a phase in any tree', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vmwright-inputs-'))
  })
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  type Files = Readonly<Record<string, string>>
  const write = async (files: Files): Promise<void> => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
  }
  const inputs = async (at = folder): Promise<PhaseInputs> => {
    const phases = await findPhases(progress, {
      folder: at,
      platform: 'debian',
      target: undefined,
      inline: {},
    })
    if (phases.init === undefined) throw new Error('no init')
    return await collectInputs(progress, phases.init, { folder: at })
  }

  it.each(Array.from({ length: 30 }, (_, index) => [index + 1]))(
    'G8: change with a file exactly when tasks reach it (random tree %i)',
    async (seed) => {
      const random = createRandom(seed)
      const pick = (count: number): number => Math.floor(random() * count)
      // Each file of tasks has a few references; which files they reach is known by construction.
      const count = 2 + pick(5)
      const references = Array.from({ length: count }, () =>
        Array.from({ length: pick(4) }, () => ({
          kind: (['tasks', 'copy', 'template', 'lookup', 'dynamic'] as const)[pick(5)],
          to: pick(count),
        })),
      )
      const taskFile = (index: number): string => (index === 0 ? 'init.yaml' : `t${index}.yml`)
      const files: Record<string, string> = {}
      for (const [index, own] of references.entries()) {
        files[taskFile(index)] = `${own
          .map(({ kind, to }) => {
            if (kind === 'tasks') return `- include_tasks: ${taskFile(to)}\n  when: x\n`
            if (kind === 'copy') return `- copy: { src: c${to}, dest: / }\n`
            if (kind === 'template') return `- template: { src: p${to}, dest: / }\n`
            if (kind === 'lookup') return `- debug: { msg: "{{ lookup('file', 'l${to}') }}" }\n`
            return `- copy: { src: "d${to}-{{ x }}", dest: / }\n`
          })
          .join('')}- command: x\n`
        files[`files/c${index}`] = 'c'
        files[`templates/p${index}`] = `{% include 'q${index}' %}`
        files[`templates/q${index}`] = 'q'
        files[`l${index}`] = 'l'
        files[`files/d${index}-1`] = 'd'
        files[`d${index}-2`] = 'd'
      }
      await write(files)
      const reached = new Set<string>()
      const follow = (index: number): void => {
        if (reached.has(taskFile(index))) return
        reached.add(taskFile(index))
        for (const { kind, to } of references[index] ?? []) {
          if (kind === 'tasks') follow(to)
          else if (kind === 'copy') reached.add(`files/c${to}`)
          else if (kind === 'template') for (const part of ['p', 'q']) reached.add(`templates/${part}${to}`)
          else if (kind === 'lookup') reached.add(`l${to}`)
          else for (const name of [`files/d${to}-1`, `d${to}-2`]) reached.add(name)
        }
      }
      follow(0)
      const digest = async (): Promise<string> => JSON.stringify((await inputs()).files)
      const before = await digest()
      for (const [name, text] of Object.entries(files)) {
        await writeFile(join(folder, name), `${text}\n# changed\n`)
        expect([name, (await digest()) !== before]).toEqual([name, reached.has(name)])
        await writeFile(join(folder, name), text)
      }
      expect(await digest()).toBe(before)
    },
  )
})
