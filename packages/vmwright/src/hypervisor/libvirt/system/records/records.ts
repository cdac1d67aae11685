import { z } from 'zod'
import { ProvisionError } from '../../../../lib/errors.ts'
import type { Progress } from '../../../../lib/progress.ts'
import type { HostRecords } from '../../../host/records.ts'
import type { HostShell } from '../../host-shell.ts'
import { readSections } from '../sections.ts'
import { parseCensus } from './census.ts'
import { censusScript, forgetScript, keepScript, keptScript } from './scripts.ts'

const values = z.record(z.string(), z.string())
const census = z.strictObject({
  atMs: z.number(),
  domains: values,
  volumes: values,
  networks: values,
  pools: values,
  rules: values,
  sysctls: values,
  files: values,
  interfaces: values,
})

/** Where the program keeps things on a host. */
export interface RecordPlaces {
  readonly state: string
  /** Others that it may change. */
  readonly folders: readonly string[]
}

const hostPlaces: RecordPlaces = {
  state: '/var/lib/vmwright',
  folders: ['/etc/vmwright', '/etc/libvirt/hooks'],
}

/** Kept in /var/lib/vmwright/records on the host, or with the own data of a user whose own libvirt it is. */
export function hostRecords(shell: HostShell, places: RecordPlaces = hostPlaces): HostRecords {
  const state = shell.isSession ? '' : places.state
  const run = (progress: Progress, command: Command): Promise<string> =>
    runOn(shell, progress, command, state)
  return {
    async census(progress) {
      const sections = await readSections(shell, progress, {
        script: censusScript,
        arguments: shell.isSession ? [] : [places.state, ...places.folders],
        effect: { kind: 'shell.take-census', object: shell.host, mutates: false },
      })
      return parseCensus(sections)
    },
    async keep(progress, project, record) {
      await run(progress, {
        what: 'keep',
        project,
        script: keepScript,
        input: `${JSON.stringify(record)}\n`,
      })
    },
    async kept(progress, project) {
      const text = await run(progress, { what: 'read', project, script: keptScript })
      if (text === '') return undefined
      const record = census.safeParse(parsed(text))
      if (record.success) return record.data
      throw new ProvisionError('host.operation-failed', {
        message: `The record of host ${shell.host} from before project ${project} cannot be read.`,
        hint: `Look at ${project}.json in /var/lib/vmwright/records on that host; without that file there is nothing to compare with.`,
        details: { host: shell.host, project, problems: record.error.issues.length },
      })
    },
    async forget(progress, project) {
      await run(progress, { what: 'forget', project, script: forgetScript })
    },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

interface Command {
  readonly what: 'keep' | 'read' | 'forget'
  readonly project: string
  readonly script: string
  readonly input?: string
}

async function runOn(
  shell: HostShell,
  progress: Progress,
  { what, project, ...command }: Command,
  state: string,
): Promise<string> {
  // Not from the kept output, which is cut where there is much.
  const lines: string[] = []
  const { exitCode, stderr } = await shell.run(progress, {
    ...command,
    arguments: [project, state],
    effect: { kind: `shell.${what}-record`, object: project, mutates: what !== 'read' },
    privileged: true,
    onLine: (line, stream) => stream === 'stdout' && lines.push(line),
  })
  if (exitCode === 0) return lines.join('\n')
  throw new ProvisionError('host.operation-failed', {
    message: `Could not ${what} the record of host ${shell.host} from before project ${project}: ${stderr.trim().split('\n').at(-1) || `the command ended with ${exitCode}`}`,
    details: { host: shell.host, project },
  })
}
