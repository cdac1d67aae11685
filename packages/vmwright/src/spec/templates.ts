import type { SpecDocument, TemplateDocument } from '@vmwright/contract'
import type { Path } from './node.ts'
import { normalisePath } from './path.ts'
import type { Report } from './report.ts'
import type { TemplateSpec } from './resolved.ts'

/** The templates with their defaults (T3, T5). */
export function resolveTemplates(document: SpecDocument, report: Report): readonly TemplateSpec[] {
  const templates = Object.entries(document.templates ?? {}).map(([id, template]) =>
    resolveTemplate(id, template, report),
  )
  checkOwners(templates, report)
  return templates
}

function resolveTemplate(id: string, template: TemplateDocument, report: Report): TemplateSpec {
  const at = ['templates', id]
  const os = template.os ?? 'debian'
  const [first = 'enp1s0', ...others] = template.interfaces ?? []
  const identity = template.identity ?? 'offline'
  const whenRunning = template.whenRunning ?? 'refuse'
  tellRepeated([first, ...others], [...at, 'interfaces'], report)
  if (identity === 'cloud-init') {
    for (const field of ['network', 'interfaces', 'renderer'] as const) {
      if (template[field] !== undefined)
        report.at(
          [...at, field],
          'has no effect with `identity: cloud-init`',
          'Remove it: the seed has the network from `interfaces` of the instance.',
          'warning',
        )
    }
  }
  if (template.restart === true && whenRunning === 'refuse') {
    report.at(
      [...at, 'restart'],
      'has no effect, because the template is never shut down',
      'Set `whenRunning: shut-down`, or remove it.',
      'warning',
    )
  }
  return {
    id,
    domain: template.domain ?? id,
    disks: template.disks?.map(normalisePath),
    os,
    identity,
    network: template.network ?? (os === 'debian' ? 'ifupdown' : 'netplan'),
    interfaces: [first, ...others],
    renderer: template.renderer ?? 'networkd',
    whenRunning,
    restart: template.restart ?? false,
    clone: template.clone ?? 'auto',
    user: template.user ?? os,
    seedBus: template.seedBus ?? 'scsi',
  }
}

/** T3. A file is a disk of one machine, once. */
function checkOwners(templates: readonly TemplateSpec[], report: Report): void {
  const owners = new Map<string, TemplateSpec>()
  for (const template of templates) {
    const own = new Set<string>()
    for (const [index, disk] of (template.disks ?? []).entries()) {
      const at = ['templates', template.id, 'disks', index]
      const owner = owners.get(disk)
      if (own.has(disk)) report.at(at, 'is listed twice', 'Remove one of the two.')
      else if (owner !== undefined && owner.domain !== template.domain) {
        report.at(
          at,
          `is a disk of the template \`${owner.id}\` too, which is another machine`,
          'A disk belongs to one machine: correct one of the two lists.',
        )
      }
      own.add(disk)
      owners.set(disk, template)
    }
  }
}

/** Interfaces of one guest have different names. */
export function tellRepeated(names: readonly string[], at: Path, report: Report): void {
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) < index)
      report.at([...at, index], 'is named twice', 'Give each interface its own name.')
  }
}
