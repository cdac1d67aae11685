import type { Member } from './groups.ts'
import type { Report } from './report.ts'
import type { HypervSettings } from './resolved.ts'
import { secretRef } from './secret-ref.ts'

interface HypervContext {
  readonly report: Report
  readonly homeDirectory: string
}

/** The settings that only Hyper-V hosts know, for an instance on one. */
export function resolveHyperv(member: Member, context: HypervContext): HypervSettings {
  const { settings, layers } = member
  const { domainJoin } = settings
  const os = settings.os ?? 'linux'
  if (domainJoin !== undefined && os !== 'windows') {
    context.report.own(
      layers,
      ['domainJoin'],
      'is only for Windows guests',
      'Add `os: windows`, or remove it.',
    )
  }
  return {
    os,
    clustered: settings.clustered ?? false,
    domainJoin:
      domainJoin === undefined || os !== 'windows'
        ? undefined
        : {
            domain: domainJoin.domain,
            user: domainJoin.user,
            password: secretRef(domainJoin.password, layers, ['domainJoin', 'password'], context),
            ou: domainJoin.ou,
          },
  }
}

/** Tells what an instance says for itself and no other kind of host knows. */
export function checkNoHyperv({ own, layers }: Member, report: Report): void {
  const paths = [
    ...['os', 'clustered', 'domainJoin'].map((field) => [field]),
    ...(own.interfaces ?? []).map((_, index) => ['interfaces', index, 'vlan']),
  ]
  for (const path of paths)
    report.own(
      layers,
      path,
      'is only for instances on Hyper-V hosts',
      'Remove it, or name a `host` with a `hyperv:` URI.',
    )
}
