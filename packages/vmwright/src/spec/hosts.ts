import type { HostDocument, SpecDocument } from '@vmwright/contract'
import type { Report } from './report.ts'
import type { HostSpec } from './resolved.ts'
import { resolvePreparation } from './preparation.ts'
import { secretRef } from './secret-ref.ts'

export const systemFolder = '/var/lib/libvirt/images/vmwright'

export interface HostContext {
  readonly report: Report
  readonly homeDirectory: string
  /** That of the user, for session hosts. */
  readonly dataFolder: string
}

/** Hosts, with the defaults of each kind of connection. */
export function resolveHosts(document: SpecDocument, context: HostContext): readonly HostSpec[] {
  const hosts: Readonly<Record<string, HostDocument>> = document.hosts ?? {}
  const given = Object.entries(hosts)
  return (given.length === 0 ? [['local', {}] as const] : given).map(
    ([name, host]: readonly [string, HostDocument]) => {
      const uri =
        host.uri ?? (host.guest === undefined ? 'qemu:///system' : `qemu+ssh://${host.guest}/system`)
      checkHost(name, host, uri, context.report)
      return {
        name,
        uri,
        acceleration: host.acceleration ?? 'require-kvm',
        parallel: host.parallel ?? 4,
        imageCachePath: host.imageCache ?? `${isSession(uri) ? context.dataFolder : systemFolder}/cache`,
        startInactiveNetworks: host.startInactiveNetworks ?? false,
        runtimeUser: host.runtimeUser,
        repairAccess: host.repairAccess ?? false,
        login: loginOf(name, host, context),
        guest: host.guest,
        preparation: resolvePreparation(host.prepare, ['hosts', name, 'prepare'], context.report),
      }
    },
  )
}

export const isSession = (uri: string): boolean => /^[^:]+:\/\/[^/]*\/session(\?|$)/.test(uri)

export const isHyperv = ({ uri }: { readonly uri: string }): boolean => /^hyperv(\+http)?:/.test(uri)

function checkHost(name: string, host: HostDocument, uri: string, report: Report): void {
  const at = ['hosts', name]
  // A faulty `uri` has been told, and says nothing about what belongs beside it.
  if (host.uri === undefined && report.isWritten([...at, 'uri'])) return
  if (!isHyperv({ uri })) {
    if (host.login !== undefined)
      report.atKey(
        [...at, 'login'],
        'is only for Hyper-V hosts',
        'Remove it: SSH, sockets and TLS have their own ways to log in.',
      )
    if (host.guest !== undefined && !/^qemu\+(ssh|libssh2?|tcp|tls):\/\//.test(uri))
      report.at(
        [...at, 'uri'],
        'is of no use for a host that is a guest, which is reached over the network',
        'Write `qemu+ssh://root@guest/system`, or leave it out.',
      )
    return
  }
  if (!report.isWritten([...at, 'login']))
    report.atKey(
      at,
      'needs a `login`, because it is a Hyper-V host',
      'Add `login: { user: NAME, password: { env: NAME } }`.',
    )
  for (const field of [
    'acceleration',
    'startInactiveNetworks',
    'runtimeUser',
    'repairAccess',
    'prepare',
    'guest',
  ] as const) {
    if (host[field] !== undefined)
      report.atKey([...at, field], 'is only for libvirt hosts', 'Remove it: Hyper-V has nothing like it.')
  }
}

function loginOf(name: string, { login }: HostDocument, context: HostContext): HostSpec['login'] {
  if (login === undefined) return undefined
  const password = secretRef(login.password, [['hosts', name, 'login']], ['password'], context)
  return { user: login.user, password }
}
