import { ProvisionError } from '../../../lib/errors.ts'
import type { Progress } from '../../../lib/progress.ts'
import type { AccessReport, AccessRequest } from '../../host-files.ts'
import type { HostShell } from '../host-shell.ts'
import { encodePaths } from './encode.ts'
import { factsScript } from './facts-script.ts'
import { type AccessFacts, parseFacts } from './facts.ts'
import { accessReport } from './report.ts'

/** Where things are on a host. Tests have other places. */
export interface AccessPlaces {
  readonly qemuConf: string
  /** Folder for the record of what was given. */
  readonly state: string
}

export const hostPlaces: AccessPlaces = { qemuConf: '/etc/libvirt/qemu.conf', state: '/var/lib/vmwright' }

/**
 * Whether the user that runs guests reaches these (absolute) paths: each component from `/` downwards is tried as
 * that user, in one command. Without root on the host the answer is computed from modes and ACLs. No mutation.
 * Throws `host.access-denied` where the host has no such user.
 */
export async function checkAccess(
  shell: HostShell,
  progress: Progress,
  request: AccessRequest,
  places: AccessPlaces = hostPlaces,
): Promise<AccessReport> {
  const facts = await gather(shell, progress, request, places)
  if (facts.identity === undefined)
    throw new ProvisionError('host.access-denied', {
      message: `Host ${shell.host} has no user ${facts.user} to run guests.`,
      hint: 'Correct `runtimeUser` of the host, or `user` in /etc/libvirt/qemu.conf on it.',
      details: { host: shell.host, user: facts.user },
    })
  const session = shell.isSession ? { dynamicOwnership: false } : {}
  return accessReport({ ...facts, ...session }, facts.identity, request)
}

/** As root where that can be had; what only root can see is missing otherwise. */
async function gather(
  shell: HostShell,
  progress: Progress,
  { user, needs }: AccessRequest,
  places: AccessPlaces,
): Promise<AccessFacts> {
  const ask = (privileged: boolean) =>
    shell.run(progress, {
      script: factsScript,
      arguments: [user ?? '', shell.isSession ? 'session' : 'system', places.qemuConf],
      input: encodePaths(needs.map(({ path }) => path)),
      effect: { kind: 'shell.check-access', object: shell.host, mutates: false },
      privileged,
    })
  const asRoot = shell.isSession ? undefined : await ask(true)
  const result = asRoot?.exitCode === 0 ? asRoot : await ask(false)
  if (result.exitCode === 0) return parseFacts(result.stdout)
  throw new ProvisionError('host.operation-failed', {
    message: `Could not find out what the user that runs guests may do on host ${shell.host}: ${result.stderr.trim().split('\n').at(-1) ?? ''}`,
    details: { host: shell.host },
  })
}
