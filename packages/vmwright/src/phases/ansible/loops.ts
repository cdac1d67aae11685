import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { ProvisionError } from '../../lib/errors.ts'
import { readYaml } from './inputs.ts'
import { referencesIn } from './references.ts'
import { Search } from './search.ts'

/**
 * Throws `phase.invalid` where files of tasks include each other for ever. An include with `when`, a loop or tags may
 * end, and is Ansible's business.
 */
export async function refuseLoops(path: string, phaseFolder: string | undefined): Promise<void> {
  const search = new Search(path, phaseFolder)
  const done = new Set<string>()
  const follow = async (file: string, chain: readonly string[]): Promise<void> => {
    if (done.has(file)) return
    const { references } = referencesIn(await readYaml(file))
    for (const { kind, name, within, conditional } of references) {
      if (kind !== 'tasks' || conditional || /\{\{|\{%/.test(name)) continue
      const next = await search.find(name, within, { folder: dirname(file), roles: [] })
      if (next === undefined) continue
      const way = [...chain, file, next]
      if ([...chain, file].includes(next)) throw await loopFound(file, name, way)
      await follow(next, [...chain, file])
    }
    done.add(file)
  }
  await follow(path, [])
}

async function loopFound(file: string, name: string, way: readonly string[]): Promise<ProvisionError> {
  const text = await readFile(file, 'utf8')
  const line = text.slice(0, Math.max(0, text.indexOf(name))).split('\n').length
  return new ProvisionError('phase.invalid', {
    message: `${file}:${line}: leads back to a file that includes this one.`,
    hint: `The way is ${way.map((one) => basename(one)).join(' → ')}.`,
    details: { file, line, way },
  })
}
