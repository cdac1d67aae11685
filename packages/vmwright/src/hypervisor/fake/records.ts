import { canonicalJson, sha256Hex } from '../../lib/hash.ts'
import type { HostRecords, SystemCensus } from '../host/records.ts'
import { ownTable } from '../host/rule-names.ts'
import type { FakeContext } from './context.ts'
import type { FakeWorld } from './world.ts'

/** What the imagined host was before a project came. */
export function fakeRecords(context: FakeContext): HostRecords {
  const { world } = context
  return {
    census: (progress) => context.look(progress, 'takeCensus', world.host, () => systemCensus(world)),
    async keep(progress, project, census) {
      const found = await context.look(progress, 'lookupRecord', project, () => world.system.records[project])
      if (found !== undefined) return
      const kept = structuredClone(census)
      await context.change(progress, 'keepRecord', project, () => void (world.system.records[project] = kept))
    },
    kept: (progress, project) =>
      context.look(progress, 'lookupRecord', project, () => structuredClone(world.system.records[project])),
    async forget(progress, project) {
      const found = await context.look(progress, 'lookupRecord', project, () => world.system.records[project])
      if (found === undefined) return
      await context.change(progress, 'forgetRecord', project, () => void delete world.system.records[project])
    },
  }
}

/** Bridges of networks are left out: they follow from these. */
function systemCensus({ system, files }: FakeWorld): SystemCensus {
  return {
    rules: Object.fromEntries(
      Object.values(system.rules).map(({ set }) => [`inet ${ownTable(set)} chain forward`, digest(set)]),
    ),
    sysctls: Object.fromEntries(
      Object.entries(system.items)
        .filter(([name]) => name.startsWith('sysctl '))
        .map(([name, value]) => [name.slice('sysctl '.length), value]),
    ),
    files: each(files, ({ kind }) => kind),
    interfaces: Object.fromEntries(
      system.network.interfaces.map(({ name, kind, addresses, master }) => [
        name,
        digest({ kind, addresses, master }),
      ]),
    ),
  }
}

const each = <T>(
  things: Readonly<Record<string, T>>,
  describe: (thing: T) => string,
): Record<string, string> =>
  Object.fromEntries(Object.entries(things).map(([name, thing]) => [name, describe(thing)]))

const digest = (value: unknown): string => sha256Hex(canonicalJson(value)).slice(0, 16)
