import { composeServices } from '../../compose.ts'
import { audit as auditGuests, type AuditReport } from '../../engine/audit.ts'
import type { AuditedKind, Duplicate } from '../../engine/audit-compare.ts'
import { ProvisionError } from '../../lib/errors.ts'
import { attempt, show, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import { formatTable } from '../output/table.ts'

export interface AuditCommandOptions extends SpecOptions {
  readonly all: boolean
  /** Milliseconds. */
  readonly timeout: number
}

/** X9: whether guests are distinct. Fails with `guest.not-distinct`, or when one could not be asked. */
export async function audit(
  context: CliContext,
  names: readonly string[],
  options: AuditCommandOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const { spec, instances } = await load(context, options, names)
    const report = await withView(context, {}, (progress) =>
      auditGuests(progress, {
        spec,
        instances,
        services: composeServices(spec, context),
        forks: options.all ? 'included' : 'left-out',
        timeoutMs: options.timeout,
      }),
    )
    show(
      context,
      options.json,
      { kind: 'audited', distinct: report.duplicates.length === 0, ...report },
      () => renderAudit(report),
    )
    if (report.duplicates.length > 0) throw notDistinct(report.duplicates)
    return report.missing.length > 0 ? exitCode.failed : exitCode.done
  })
}

const titles: Readonly<Record<AuditedKind, string>> = {
  mac: 'MAC address',
  address: 'address',
  'machine-id': 'machine-id',
  'host-key': 'SSH host key',
  hostname: 'hostname',
}

/** A row for each guest, and below what is wrong. Pure. */
export function renderAudit({ guests, missing, duplicates }: AuditReport): string {
  const rows = guests.map(({ name, by, facts }) => [
    name,
    facts.hostname.join(', '),
    facts.address.join(', ') || '-',
    facts.mac.join(', '),
    facts['machine-id'].join(', '),
    by,
  ])
  const wrong = [
    ...duplicates.map(
      ({ kind, value, guests: sharers }) => `  ${sharers.join(', ')} share the ${titles[kind]} ${value}\n`,
    ),
    ...missing.map(({ name, error }) => `  ${name} could not be asked: ${error.message}\n`),
  ]
  return [
    formatTable(['NAME', 'HOSTNAME', 'ADDRESS', 'MAC', 'MACHINE-ID', 'ASKED BY'], rows),
    wrong.length > 0 ? `\nNot as it should be:\n${wrong.join('')}` : `\nAll ${guests.length} are distinct.\n`,
  ].join('')
}

function notDistinct(duplicates: readonly Duplicate[]): ProvisionError {
  const guests = [...new Set(duplicates.flatMap((each) => each.guests))].toSorted()
  return new ProvisionError('guest.not-distinct', {
    message: `Not distinct: ${guests.join(', ')}.`,
    details: { duplicates },
  })
}
