import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { GuestRun, LifecycleRun } from '@vmwright/contract'
import type { Ended } from './program.ts'

/** What a run of lifecycles left. */
export interface LifecycleStory {
  readonly ended: Pick<Ended, 'code' | 'stdout' | 'stderr'>
  /** Its folder. */
  readonly results: string
  readonly record: LifecycleRun
  guest(name: string): GuestRun
  /** For each guest its name, what became of it, and what it could not do. */
  readonly outcomes: readonly (readonly string[])[]
  /** Text of a file that `fetch` brought from a guest. */
  fetched(guest: string, name: string): Promise<string>
}

/** The latest run of the project in the folder. Throws with all that was printed when it left no record. */
export async function readStory(
  folder: string,
  ended: LifecycleStory['ended'] = { code: -1, stdout: '', stderr: '' },
): Promise<LifecycleStory> {
  const results = join(folder, 'results/latest')
  const record = await readFile(join(results, 'results.json'), 'utf8').then(
    (text) => JSON.parse(text) as LifecycleRun,
    (cause: unknown) => {
      throw new Error(`no record of the run:\n${ended.stdout}\n${ended.stderr}`, { cause })
    },
  )
  const guest = (name: string): GuestRun => {
    const found = record.guests.find((each) => each.name === name)
    if (found === undefined) throw new Error(`no ${name} in the results:\n${ended.stdout}\n${ended.stderr}`)
    return found
  }
  return {
    ended,
    results,
    record,
    guest,
    outcomes: record.guests.map(({ name, outcome, actions }) => [
      name,
      outcome,
      ...actions.flatMap(({ action, error }) => (error === undefined ? [] : [`${action}: ${error.message}`])),
    ]),
    async fetched(name, file) {
      const path = guest(name).fetched.find((each) => each.endsWith(`/${file}`))
      if (path === undefined) throw new Error(`${name} brought no ${file}`)
      return await readFile(join(results, path), 'utf8')
    },
  }
}
