import { isProvisionError, ProvisionError } from '../../../../lib/errors.ts'
import type { Progress } from '../../../../lib/progress.ts'
import type { BridgeDefinition } from '../../../host/bridges.ts'
import type { HostCommand, HostShell } from '../../host-shell.ts'
import { type BridgeChange, runFiles } from './change.ts'
import { askScript, launchScript } from './run-scripts.ts'
import { workerScript } from './worker-script.ts'

/** How long the host may take to restore itself, with a manager that hangs (`guard` of the worker), and then some. */
const restoreMs = 240_000
/** A host that is cut off does not refuse a connection: it lets it wait. */
const attemptMs = (confirmWithinMs: number): number => Math.min(10_000, Math.max(2_000, confirmWithinMs / 4))

/**
 * Hands the change over to the host, confirms it over a new connection, and waits for the outcome. `busy`: nothing
 * was done, because another run goes on there or was left unfinished. Throws `host.bridge-rolled-back`,
 * `host.bridge-refused`, `host.unreachable`.
 */
export async function runChange(
  shell: HostShell,
  progress: Progress,
  change: BridgeChange,
  kind: 'make' | 'remove',
): Promise<'done' | 'busy'> {
  const { name, confirmWithinMs } = change.bridge
  const id = Buffer.from(progress.seam.randomBytes(8)).toString('hex')
  const answer = await runAsRoot(shell, progress, {
    script: launchScript,
    arguments: [name, kind],
    input: runFiles(change, { id, worker: workerScript }),
    effect: { kind: `shell.${kind}-bridge`, object: name, mutates: true },
  })
  const [word, ...rest] = answer.trim().split('\n')[0]?.split(' ') ?? []
  if (word === 'live' || word === 'stale') return 'busy'
  if (word === 'lacking') throw lacking(shell, rest.join(' '))
  if (word === 'changed')
    throw refused(
      shell,
      change.bridge.name,
      kind,
      `${rest.join(' ')} was changed by somebody else meanwhile`,
      'Compare it with the copies in /var/lib/vmwright/bridges, and change the host by hand: docs/host-bridge.md.',
    )
  const waiting = progress.child({ timeoutMs: confirmWithinMs + restoreMs })
  return waiting.poll(
    { everyMs: 500, what: `host ${shell.host} to be reached again after the change of ${name}` },
    () => outcome(shell, waiting, { ...change.bridge, kind, id }),
    'host.unreachable',
  )
}

/** `undefined`: not yet, or not reached. */
async function outcome(
  shell: HostShell,
  progress: Progress,
  run: BridgeDefinition & { readonly kind: 'make' | 'remove'; readonly id: string },
): Promise<'done' | undefined> {
  const answer = await runAsRoot(shell, progress.child({ timeoutMs: attemptMs(run.confirmWithinMs) }), {
    script: askScript,
    arguments: [run.name, run.kind, run.id],
    effect: { kind: 'shell.confirm-bridge', object: run.name, mutates: true },
    connection: 'own',
  }).catch((error: unknown) => {
    progress.check()
    if (isProvisionError(error, 'host.unreachable') || isProvisionError(error, 'host.timeout')) return ''
    throw error
  })
  const [first = '', ...log] = answer.split('\n')
  const [phase, ...words] = first.split(' ')
  if (phase === 'done') return 'done'
  if (phase !== 'rolled-back' && phase !== 'gone') return undefined
  const reason = phase === 'gone' ? 'what was known of it there is gone' : words.join(' ')
  const doing = run.kind === 'make' ? `make bridge ${run.name}` : `remove bridge ${run.name}`
  throw new ProvisionError('host.bridge-rolled-back', {
    message: `Could not ${doing} on host ${shell.host}, which went back to its former network: ${reason}.`,
    hint: `Read /var/lib/vmwright/bridges/${run.name}/${run.kind}/log there, correct what it tells of, and try again with more time (\`confirmWithin\`).`,
    details: { host: shell.host, bridge: run.name, reason, log: log.filter((line) => line !== '') },
  })
}

/** Runs the script as root and returns what it printed. Throws `host.change-failed` where it fails. */
export async function runAsRoot(
  shell: HostShell,
  progress: Progress,
  command: Omit<HostCommand, 'privileged'>,
): Promise<string> {
  const { exitCode, stdout, stderr } = await shell.run(progress, { ...command, privileged: true })
  if (exitCode === 0) return stdout
  throw new ProvisionError('host.change-failed', {
    message: `Could not look after bridge ${command.effect.object} on host ${shell.host}: ${stderr.trim().split('\n').at(-1) ?? ''}`,
    hint: 'Log in to the host as root, or as a user that may run `sudo -n`.',
    details: { host: shell.host, bridge: command.effect.object },
  })
}

export function lacking(shell: HostShell, tool: string): ProvisionError {
  const packages: Readonly<Record<string, string>> = {
    ip: 'iproute2',
    setsid: 'util-linux',
    flock: 'util-linux',
  }
  return new ProvisionError('host.tool-missing', {
    message: `Host ${shell.host} has no ${tool}, which changing its network safely needs.`,
    hint: `Install the package ${packages[tool] ?? 'coreutils'} there.`,
    details: { host: shell.host, tool },
  })
}

export function refused(
  shell: HostShell,
  bridge: string,
  doing: 'make' | 'remove',
  reason: string,
  hint?: string,
): ProvisionError {
  return new ProvisionError('host.bridge-refused', {
    message: `Could not ${doing} bridge ${bridge} on host ${shell.host}: ${reason}.`,
    ...(hint === undefined ? {} : { hint }),
    details: { host: shell.host, bridge },
  })
}
