import { calls, type Domain } from '@vmwright/libvirt'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { CallPurpose, Session } from './session.ts'

/** Asks QEMU itself, by QMP, for what libvirt has no call. Throws `host.operation-failed` when it refuses. */
export async function askQemu(
  session: Session,
  progress: Progress,
  domain: Domain,
  execute: string,
  args: Readonly<Record<string, unknown>>,
  limits: Pick<CallPurpose, 'lane' | 'timeoutMs'> = {},
): Promise<unknown> {
  const doing = `ask QEMU of machine ${domain.name} for ${execute}`
  const purpose = { ...limits, object: domain.name, doing }
  const command = JSON.stringify({ execute, arguments: args })
  const { result } = await session.call(progress, calls.domainMonitorCommand, { domain, command }, purpose)
  const reply: unknown = JSON.parse(result)
  if (isObject(reply) && 'return' in reply) return reply['return']
  throw new ProvisionError('host.operation-failed', {
    message: `Could not ${purpose.doing} on host ${session.host}: ${describe(reply)}.`,
    details: { host: session.host, vm: domain.name },
  })
}

/**
 * The memory of a machine that lies in a file of its own: the name that QEMU has for it, and the file, unless that has no
 * name.
 */
export async function memoryFileOf(
  session: Session,
  progress: Progress,
  domain: Domain,
): Promise<{ readonly block: string; readonly path: string | undefined }> {
  const listed = await askQemu(session, progress, domain, 'qom-list', { path: '/objects' })
  const objects = Array.isArray(listed) ? listed.filter(isObject) : []
  const [memory, ...others] = objects.filter(({ type }) => isFile(type))
  const block = memory?.['name']
  if (typeof block !== 'string' || others.length > 0)
    throw new ProvisionError('fork.unsupported', {
      message: `The memory of machine ${domain.name} on host ${session.host} is not in one file.`,
      details: { host: session.host, vm: domain.name },
    })
  if (memory?.['type'] !== 'child<memory-backend-file>') return { block, path: undefined }
  const place = { path: `/objects/${block}`, property: 'mem-path' }
  return { block, path: String(await askQemu(session, progress, domain, 'qom-get', place)) }
}

const isFile = (type: unknown): boolean =>
  type === 'child<memory-backend-file>' || type === 'child<memory-backend-memfd>'

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

function describe(reply: unknown): string {
  const error = isObject(reply) ? reply['error'] : undefined
  return isObject(error) ? String(error['desc']).replace(/\.$/, '') : 'it did not say why'
}
