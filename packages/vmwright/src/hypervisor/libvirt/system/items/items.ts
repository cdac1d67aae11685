import { ProvisionError } from '../../../../lib/errors.ts'
import { sha256Hex } from '../../../../lib/hash.ts'
import type { Progress } from '../../../../lib/progress.ts'
import { type HostItem, type HostItems, itemName } from '../../../host/items.ts'
import type { HostCommand, HostShell } from '../../host-shell.ts'
import { itemScripts } from './change-scripts.ts'
import { inspectItems } from './inspect.ts'
import { readLines } from './lines.ts'
import { parseRecords } from './records.ts'
import { listScript } from './record-script.ts'
import { sysctlPath } from './sysctl-path.ts'

/** Declared states of a Linux host, by a shell on it. */
export function hostItems(shell: HostShell): HostItems {
  return {
    inspect: (progress, items) => inspectItems(shell, progress, items),
    async change(progress, item) {
      const lines = await runChange(shell, progress, item, {
        script: itemScripts[item.kind].change,
        arguments: [recordName(item), JSON.stringify(item), ...wordsOf(item)],
        effect: { kind: 'shell.change-item', object: itemName(item), mutates: true },
      })
      if (lines.all('done').length === 0) throw changeFailed(shell, item, lines.first('failed'), 'change')
    },
    async changes(progress) {
      const { stdout } = await run(shell, progress, {
        script: listScript,
        effect: { kind: 'shell.list-changes', object: shell.host, mutates: false },
      })
      return parseRecords(stdout)
    },
    async restore(progress, { item }) {
      const lines = await runChange(shell, progress, item, {
        script: itemScripts[item.kind].restore,
        arguments: [recordName(item), ...(item.kind === 'service' ? [item.name] : [])],
        effect: { kind: 'shell.restore-item', object: itemName(item), mutates: true },
      })
      const [outcome] = lines.first('outcome').split(' ')
      if (outcome === 'done' || outcome === 'already' || outcome === 'kept') return outcome
      throw changeFailed(shell, item, lines.first('failed'), 'restore')
    },
  }
}

/** The same for each wish about the same thing, whatever its value. */
export function recordName(item: HostItem): string {
  const words = item.kind === 'sysctl' ? itemName({ ...item, name: sysctlPath(item.name) }) : itemName(item)
  return `${item.kind}-${sha256Hex(words).slice(0, 16)}`
}

function wordsOf(item: HostItem): readonly string[] {
  switch (item.kind) {
    case 'package':
    case 'service':
    case 'kernel-module':
      return [item.name]
    case 'sysctl':
      return [sysctlPath(item.name), item.value, item.name]
    case 'config-line':
      return [item.path, item.key, `${item.key}${item.separator}${item.value}`, item.reload ?? '']
    case 'group-member':
      return [item.user, item.group]
  }
}

async function runChange(
  shell: HostShell,
  progress: Progress,
  item: HostItem,
  command: Omit<HostCommand, 'privileged' | 'onLine'>,
) {
  const onLine = (line: string): void => {
    if (line.startsWith('say ')) progress.report({ what: `${itemName(item)}: ${line.slice('say '.length)}` })
  }
  return readLines((await run(shell, progress, { ...command, onLine })).stdout)
}

async function run(shell: HostShell, progress: Progress, command: Omit<HostCommand, 'privileged'>) {
  const result = await shell.run(progress, { ...command, privileged: true })
  if (result.exitCode === 0 || result.exitCode === toldFailure) return result
  throw new ProvisionError('host.access-denied', {
    message: `Could not act as root on host ${shell.host}: ${result.stderr.trim().split('\n').at(-1) ?? ''}`,
    hint: 'Log in to the host as root, or as a user that may run `sudo -n`.',
    details: { host: shell.host, exitCode: result.exitCode },
  })
}

/** With a `failed` line. */
const toldFailure = 9

const hints: Readonly<Record<string, string>> = {
  unknown: 'Correct the name, or add the repository of the distribution that has the package.',
  network: 'Give the host access to its package repositories, or a mirror of them, then run it again.',
  lock: 'Another package manager is at work on the host: wait until it has ended, then run it again.',
  interrupted: 'An earlier installation was interrupted: run `dpkg --configure -a` on the host.',
  space: 'Free some space on the host, then run it again.',
}

function changeFailed(
  shell: HostShell,
  item: HostItem,
  told: string,
  doing: 'change' | 'restore',
): ProvisionError {
  const [why = '', ...words] = told.split(' ')
  const said = words.join(' ').trim()
  const hint = hints[why]
  return new ProvisionError('host.change-failed', {
    message: `Could not ${doing} ${itemName(item)} on host ${shell.host}${said === '' ? '' : `: ${said.replace(/\.$/, '')}`}.`,
    ...(hint === undefined ? {} : { hint }),
    details: { host: shell.host, item, why: why === '' ? 'no answer' : why },
    retryable: why === 'network' || why === 'lock',
  })
}
