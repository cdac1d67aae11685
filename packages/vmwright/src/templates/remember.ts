import type { Progress } from '../lib/progress.ts'
import type { HostSpec, TemplateSpec } from '../spec/resolved.ts'
import { demandsOn } from './gather.ts'
import { isQuicklySame } from './identity.ts'
import type { TemplateRecord, TemplateRecords } from './records.ts'

const nothing: TemplateRecord = { validated: {}, restartDue: false }

/** Keeps that a template passed all checks with this content. What is known of other content of it is forgotten. */
export async function rememberValidated(
  progress: Progress,
  records: TemplateRecords,
  host: HostSpec,
  template: TemplateSpec,
  identity: string,
): Promise<void> {
  const record = (await records.read(host.uri, template.domain)) ?? nothing
  const others = Object.entries(record.validated).filter(([, each]) => isQuicklySame(each, identity))
  const validated = { ...Object.fromEntries(others), [demandsOn(template, host)]: identity }
  await records.write(progress, host.uri, template.domain, { ...record, validated })
}

/** Keeps (before it is shut down) that a template is to be started again, or (once it runs) that it is no longer. */
export async function rememberRestart(
  progress: Progress,
  records: TemplateRecords,
  host: HostSpec,
  domain: string,
  restart: 'due' | 'done',
): Promise<void> {
  const record = (await records.read(host.uri, domain)) ?? nothing
  const restartDue = restart === 'due'
  if (record.restartDue === restartDue) return
  await records.write(progress, host.uri, domain, { ...record, restartDue })
}
