import type { InstanceDocument } from '@vmwright/contract'
import type { Member } from './groups.ts'
import { checkNoProcessor } from './processor.ts'
import type { Report } from './report.ts'
import type { InstanceSource, TemplateSpec } from './resolved.ts'
import { tellRepeated } from './templates.ts'

type Clone = Extract<InstanceSource, { kind: 'template' }>

/** What an instance makes of its template: its own settings over those of the template (T5). */
export function cloneSource(
  template: TemplateSpec,
  { settings: { clone, guest = {} } }: Pick<Member, 'settings'>,
): Clone {
  const [first, ...others] = guest.interfaces ?? []
  return {
    kind: 'template',
    id: template.id,
    clone: clone ?? template.clone,
    network: guest.network ?? template.network,
    interfaces: first === undefined ? template.interfaces : [first, ...others],
    renderer: guest.renderer ?? template.renderer,
  }
}

/** Tells what an instance says for itself and a clone has from its template, or cannot have. */
export function checkClone(member: Member, template: TemplateSpec, source: Clone, report: Report): void {
  const { layers } = member
  for (const path of [
    ['machine'],
    ['firmware'],
    ['secureBoot'],
    ['rootDisk', 'mode'],
    ['rootDisk', 'format'],
  ]) {
    report.own(
      layers,
      path,
      'cannot be said of a clone, which has it from its template',
      "Remove it, or change the template's machine.",
    )
  }
  checkNoProcessor(member, report)
  report.own(
    layers,
    ['extraDisks'],
    'cannot be given to a clone, which has the disks of its template',
    "Add the disks to the template's machine.",
  )
  if (template.identity === 'offline') checkOffline(member, template, source, report)
  else
    report.own(
      layers,
      ['guest'],
      'has no effect on a clone with `identity: cloud-init`',
      'Remove it: the seed has the network from `interfaces`.',
      'warning',
    )
}

/** Tells what is for clones only, where the instance is made of an image. */
export function checkNoClone({ layers }: Member, report: Report): void {
  for (const field of ['clone', 'guest'])
    report.own(layers, [field], 'is only for clones', 'Remove it, or name a `template` instead of the image.')
}

function checkOffline(member: Member, template: TemplateSpec, source: Clone, report: Report): void {
  const { own, settings, layers } = member
  const { user = {}, ...rest } = own.cloudInit ?? {}
  const needCloudInit = [
    ['seedBus'],
    ...unusedIn(rest, ['injectOwnKey']).map((field) => ['cloudInit', field]),
    ...unusedIn(user, ['name', 'sshKeys']).map((field) => ['cloudInit', 'user', field]),
  ]
  for (const path of needCloudInit) {
    report.own(
      layers,
      path,
      `needs cloud-init, and the template \`${template.id}\` has \`identity: offline\``,
      'Remove it, or give the template `identity: cloud-init`. Offline, a clone gets `user.name`, `user.sshKeys` and `injectOwnKey`.',
    )
  }
  if (own.ready?.rungs?.includes('cloud-init') === true) {
    report.own(
      layers,
      ['ready', 'rungs'],
      `has \`cloud-init\`, which the template \`${template.id}\` with \`identity: offline\` does not wait for`,
      'Leave `cloud-init` out.',
    )
  }
  for (const [index] of (own.interfaces ?? []).entries()) {
    for (const field of ['rename', 'fallbackNames']) {
      report.own(
        layers,
        ['interfaces', index, field],
        'cannot be said of a clone with `identity: offline`',
        'The names are those in `interfaces` of the template, or in `guest.interfaces`.',
      )
    }
  }
  const names = report.find(layers, ['guest', 'interfaces'])
  if (names !== undefined) tellRepeated(source.interfaces, names, report)
  const nameless = settings.interfaces?.[source.interfaces.length]
  if (source.network === 'ifupdown' && nameless !== undefined) {
    report.within(
      layers,
      ['interfaces', source.interfaces.length],
      'has no name in the guest, and ifupdown needs one',
      'Name all of them in `interfaces` of the template or in `guest.interfaces`.',
    )
  }
}

const unusedIn = (settings: object, used: readonly string[]): readonly string[] =>
  Object.keys(settings).filter((field) => !used.includes(field))

/** The part of the settings that reaches an offline clone. What `defaults` say to others is left out. */
export function offlineSettings(settings: InstanceDocument): InstanceDocument {
  const { user, injectOwnKey } = settings.cloudInit ?? {}
  return { ...settings, cloudInit: { user: { name: user?.name, sshKeys: user?.sshKeys }, injectOwnKey } }
}
