import { ProvisionError } from '../../../../lib/errors.ts'
import type { Progress } from '../../../../lib/progress.ts'
import type { HostItem, HostReport } from '../../../host/items.ts'
import { encodePath } from '../../access/encode.ts'
import type { HostShell } from '../../host-shell.ts'
import { factsOf } from './facts.ts'
import { inspectScript } from './inspect-script.ts'
import { readLines } from './lines.ts'
import { stateOf } from './state.ts'
import { sysctlPath } from './sysctl-path.ts'

/** What the host is and how the items are, in one command. No mutation. Throws `host.operation-failed`. */
export async function inspectItems(
  shell: HostShell,
  progress: Progress,
  items: readonly HostItem[],
): Promise<HostReport> {
  const result = await shell.run(progress, {
    script: inspectScript,
    arguments: [shell.isSession ? 'session' : 'system'],
    input: items.map((item) => `${fieldsOf(item).join(' ')}\n`).join(''),
    effect: { kind: 'shell.inspect-items', object: shell.host, mutates: false },
    privileged: false,
  })
  const lines = readLines(result.stdout)
  if (result.exitCode !== 0 || lines.all('end').length === 0)
    throw new ProvisionError('host.operation-failed', {
      message: `Could not look at host ${shell.host}: ${result.stderr.trim().split('\n').at(-1) || 'the answer was cut short'}`,
      details: { host: shell.host, exitCode: result.exitCode },
    })
  const facts = factsOf(lines)
  return { facts, states: items.map((item, index) => stateOf(item, index, facts, lines)) }
}

function fieldsOf(item: HostItem): readonly string[] {
  switch (item.kind) {
    case 'config-line':
      return [item.kind, encodePath(item.path), encodePath(item.key)]
    case 'group-member':
      return [item.kind, encodePath(item.user), encodePath(item.group)]
    case 'sysctl':
      return [item.kind, encodePath(sysctlPath(item.name))]
    default:
      return [item.kind, encodePath(item.name)]
  }
}
