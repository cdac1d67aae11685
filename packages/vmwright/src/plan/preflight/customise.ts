import type { Finding, HostFacts } from '../plan.ts'
import type { VmPlan } from '../vm-plan.ts'
import { finding, list } from './finding.ts'

/** What keeps machines from getting their identity into the disks of an image, before the first boot (K7). */
export function customiseFindings(
  { can, spec, whyNoEdit }: HostFacts,
  creating: readonly VmPlan[],
): readonly Finding[] {
  const names = creating
    .filter(({ source, seed }) => source.kind === 'image' && seed === undefined)
    .map(({ instance }) => instance.name)
  if (names.length === 0) return []
  const host = `host ${spec.name}`
  if (can.noShell !== undefined)
    return [
      finding(
        'error',
        'host.no-shell',
        host,
        `No command can be run on ${spec.name} (${can.noShell}), which \`customise\` of ${list(names)} needs.`,
      ),
    ]
  if (whyNoEdit === undefined) return []
  return [
    finding(
      'error',
      'host.tool-missing',
      host,
      `The disks of ${list(names)} cannot be customised: ${whyNoEdit}.`,
      'Install libguestfs on that host (Debian: apt-get install libguestfs-tools), or leave `customise` out and use cloud-init.',
    ),
  ]
}
