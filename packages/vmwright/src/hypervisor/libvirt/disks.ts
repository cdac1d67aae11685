import { calls, type Domain } from '@vmwright/libvirt'
import type { Progress } from '../../lib/progress.ts'
import { childrenOf, find, parseXml } from '../../lib/xml.ts'
import type { Session } from './session.ts'

/** `VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE` */
const completeForNextStart = 1 | 2

/** The definition as it holds at the next start, with nothing left out. */
export async function definitionXml(session: Session, progress: Progress, domain: Domain): Promise<string> {
  const purpose = { object: domain.name, doing: `read machine ${domain.name}` }
  const args = { domain, flags: completeForNextStart }
  return (await session.call(progress, calls.domainGetXmlDesc, args, purpose)).xml
}

export interface Disk {
  readonly device: string
  /** The file that is the disk now: the volume, or an overlay that an external snapshot put over it. */
  readonly path: string
  readonly format: string
  readonly isWritable: boolean
}

/** The disks of a machine that are files. */
export async function disksOf(
  session: Session,
  progress: Progress,
  domain: Domain,
): Promise<readonly Disk[]> {
  const definition = parseXml(await definitionXml(session, progress, domain))
  return childrenOf(find(definition, 'devices'), 'disk').flatMap((disk): readonly Disk[] => {
    const device = find(disk, 'target')?.attributes['dev']
    const path = find(disk, 'source')?.attributes['file']
    if (device === undefined || path === undefined) return []
    const format = find(disk, 'driver')?.attributes['type'] ?? 'raw'
    const isWritable =
      (disk.attributes['device'] ?? 'disk') === 'disk' && find(disk, 'readonly') === undefined
    return [{ device, path, format, isWritable }]
  })
}
