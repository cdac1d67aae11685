import type { ObservedHost, ObservedVm } from '../hypervisor/contract.ts'
import type { ResolvedSpec } from '../spec/resolved.ts'
import type { TemplateFacts } from '../templates/facts.ts'
import { isSameContent } from '../templates/identity.ts'
import { restsOn } from './overlays.ts'

/**
 * The id of the template under the overlays of this machine, when its disks are not what they were when the machine
 * was made. Pure.
 */
export function changedTemplate(
  spec: ResolvedSpec,
  host: ObservedHost,
  machine: ObservedVm,
  templates: ReadonlyMap<string, TemplateFacts>,
): string | undefined {
  const image = machine.mark?.image
  if (image?.kind !== 'template') return undefined
  const template = spec.templates.find(({ id }) => id === image.id)
  const identity = templates.get(image.id)?.identity
  const domain = host.vms.find(({ name }) => name === template?.domain)
  if (template === undefined || identity === undefined || domain === undefined) return undefined
  return restsOn(host, machine, domain) && !isSameContent(image.digest, identity) ? template.id : undefined
}
