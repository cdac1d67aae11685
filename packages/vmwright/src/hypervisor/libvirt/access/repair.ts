import { ProvisionError } from '../../../lib/errors.ts'
import type { Progress } from '../../../lib/progress.ts'
import type { AccessChange, AccessRepair } from '../../host-files.ts'
import type { HostShell } from '../host-shell.ts'
import { rightsOf, rightsText } from './acl.ts'
import { type AccessPlaces, hostPlaces } from './access.ts'
import { decodePath, encodePath } from './encode.ts'
import { recordScript, repairScript, undoScript } from './repair-scripts.ts'

/**
 * Sets the ACLs, each after what was there before is on record on the host. May be repeated. Throws
 * `host.tool-missing`, and `host.access-denied` when some could not be set; the others are set then.
 */
export async function repairAccess(
  shell: HostShell,
  progress: Progress,
  repairs: readonly AccessRepair[],
  places: AccessPlaces = hostPlaces,
): Promise<readonly AccessChange[]> {
  if (repairs.length === 0) return []
  const merged = mergeRepairs(repairs)
  const lines = await runAsRoot(shell, progress, {
    script: repairScript,
    arguments: [places.state],
    input: merged
      .map(({ path, user, permissions }) => `${encodePath(path)} ${encodePath(user)} ${permissions}\n`)
      .join(''),
    effect: { kind: 'shell.repair-access', object: shell.host, mutates: true },
  })
  const results = merged.map((repair, index) => resultOf(repair, lines[index] ?? 'failed no answer'))
  return changesOf(shell, results, 'give')
}

/** Several needs may meet in one folder: together they are one entry. */
function mergeRepairs(repairs: readonly AccessRepair[]): readonly AccessRepair[] {
  const merged = new Map<string, AccessRepair>()
  for (const repair of repairs) {
    const key = JSON.stringify([repair.path, repair.user])
    const rights = rightsOf(merged.get(key)?.permissions ?? '---') | rightsOf(repair.permissions)
    merged.set(key, { ...repair, permissions: rightsText(rights) })
  }
  return [...merged.values()]
}

/** What `undoAccess` would take back, without changing anything. */
export async function grantedAccess(
  shell: HostShell,
  progress: Progress,
  places: AccessPlaces = hostPlaces,
): Promise<readonly AccessRepair[]> {
  const lines = await runAsRoot(shell, progress, {
    script: recordScript,
    arguments: [places.state],
    effect: { kind: 'shell.list-access', object: shell.host, mutates: false },
  })
  const last = new Map<string, AccessRepair>()
  for (const line of lines) {
    const [path = '', , permissions = '', , , , user = ''] = line.split(' ')
    last.set(`${path} ${user}`, { path: decodePath(path), user: decodePath(user), permissions })
  }
  return [...last.values()]
}

/**
 * Takes back all that `repairAccess` gave, newest first, so that each ACL is what it was before, and forgets it.
 * May be repeated. Throws `host.tool-missing`, and `host.access-denied` when some could not be taken back.
 */
export async function undoAccess(
  shell: HostShell,
  progress: Progress,
  places: AccessPlaces = hostPlaces,
): Promise<readonly AccessChange[]> {
  const lines = await runAsRoot(shell, progress, {
    script: undoScript,
    arguments: [places.state],
    effect: { kind: 'shell.undo-access', object: shell.host, mutates: true },
  })
  const results = lines.map((line) => {
    const [outcome = '', path = '', user = '', permissions = '', ...said] = line.split(' ')
    const repair = { path: decodePath(path), user: decodePath(user), permissions }
    return resultOf(repair, `${outcome} ${said.join(' ')}`)
  })
  return changesOf(shell, results, 'take back')
}

type Result = AccessChange | { readonly failed: AccessRepair; readonly said: string }

function resultOf(repair: AccessRepair, line: string): Result {
  const [outcome = '', ...said] = line.split(' ')
  return outcome === 'done' || outcome === 'already' || outcome === 'vanished' || outcome === 'kept'
    ? { ...repair, outcome }
    : { failed: repair, said: said.join(' ').trim() }
}

function changesOf(
  shell: HostShell,
  results: readonly Result[],
  doing: 'give' | 'take back',
): readonly AccessChange[] {
  const failures = results.flatMap((result) => ('failed' in result ? [result] : []))
  const [first] = failures
  if (first !== undefined)
    throw new ProvisionError('host.access-denied', {
      message: `Could not ${doing} access on host ${shell.host}: ${failures.map(({ failed, said }) => `${failed.path}${said === '' ? '' : ` (${said})`}`).join(', ')}.`,
      hint: `Try it by hand there: setfacl -m u:${first.failed.user}:${first.failed.permissions} PATH`,
      details: { host: shell.host, paths: failures.map(({ failed }) => failed.path) },
    })
  return results.flatMap((result) => ('failed' in result ? [] : [result]))
}

async function runAsRoot(
  shell: HostShell,
  progress: Progress,
  command: Omit<Parameters<HostShell['run']>[1], 'privileged'>,
): Promise<readonly string[]> {
  const { exitCode, stdout, stderr } = await shell.run(progress, { ...command, privileged: true })
  if (exitCode !== 0)
    throw new ProvisionError('host.access-denied', {
      message: `Could not change or read access lists on host ${shell.host}: ${stderr.trim().split('\n').at(-1) ?? ''}`,
      hint: 'Log in to the host as root, or as a user that may run `sudo -n`.',
      details: { host: shell.host },
    })
  const lines = stdout.split('\n').filter((line) => line !== '')
  const lacking = /^lacking (.*)$/.exec(lines[0] ?? '')?.[1]
  if (lacking !== undefined)
    throw new ProvisionError('host.tool-missing', {
      message: `Host ${shell.host} has no ${lacking}, which changing access needs.`,
      hint: `Install it there: apt-get install ${lacking === 'flock' ? 'util-linux' : 'acl'}`,
      details: { host: shell.host, tool: lacking },
    })
  return lines
}
