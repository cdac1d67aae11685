import type { CustomiseDocument, InstanceDocument } from '@vmwright/contract'
import { readCertificates } from './certificates.ts'
import type { Member } from './groups.ts'
import { mergeDeep } from './merge.ts'
import { readPublicKeys } from './public-keys.ts'
import type { Layers, Report } from './report.ts'
import type { CustomiseSpec } from './resolved-places.ts'
import { tellRepeated } from './templates.ts'
import type { TextContext } from './texts.ts'

export interface CustomiseContext extends TextContext {
  readonly defaults: InstanceDocument
}

/** K7. What is done to the disk of an instance of an image: said by itself, over the image, over `defaults`. */
export function resolveCustomise(
  { own, layers }: Member,
  image: { readonly id: string; readonly customise: CustomiseDocument | undefined },
  context: CustomiseContext,
): CustomiseSpec | undefined {
  const merged = [context.defaults.customise, image.customise, own.customise].reduce(mergeDeep)
  if (merged === undefined) return undefined
  const [nearest = [], ...rest] = layers.slice(0, -1)
  const all: Layers = [nearest, ...rest, ['images', image.id], ['defaults']]
  const { install = [], remove = [] } = merged
  const [first = 'enp1s0', ...others] = merged.interfaces ?? []
  const names = context.report.find(all, ['customise', 'interfaces'])
  if (names !== undefined) tellRepeated([first, ...others], names, context.report)
  for (const [index, name] of remove.entries()) {
    if (install.includes(name))
      context.report.within(
        all,
        ['customise', 'remove', index],
        'is in `install` too',
        'Remove it from one of the two lists.',
      )
  }
  return {
    rootKeys: readPublicKeys(merged.rootKeys ?? [], all, ['customise', 'rootKeys'], context),
    certificates: readCertificates(merged.certificates ?? [], all, ['customise', 'certificates'], context),
    install,
    remove,
    commands: merged.commands ?? [],
    network: merged.network ?? 'netplan',
    interfaces: [first, ...others],
  }
}

const reaching = ['injectOwnKey', 'rootPassword', 'manageEtcHosts'] as const

/** Tells what an instance says for itself and only cloud-init would do. */
export function checkCustomised(member: Member, customise: CustomiseSpec, report: Report): void {
  const { own, settings, layers } = member
  const paths = [
    ['seedBus'],
    ...Object.keys(own.cloudInit ?? {})
      .filter((field) => !reaching.some((name) => name === field))
      .map((field) => ['cloudInit', field]),
    ...(own.extraDisks ?? []).map((_, index) => ['extraDisks', index, 'mount']),
  ]
  for (const path of paths)
    report.own(
      layers,
      path,
      'needs cloud-init, and `customise` takes its place',
      'Remove it. There are `rootKeys`, `certificates`, `install`, `remove` and `commands` in `customise`, and `injectOwnKey`, `rootPassword` and `manageEtcHosts` in `cloudInit`.',
    )
  if (own.ready?.rungs?.includes('cloud-init') === true)
    report.own(
      layers,
      ['ready', 'rungs'],
      'has `cloud-init`, which an instance with `customise` does not wait for',
      'Leave `cloud-init` out.',
    )
  for (const index of (own.interfaces ?? []).keys())
    for (const field of ['rename', 'fallbackNames'])
      report.own(
        layers,
        ['interfaces', index, field],
        'cannot be said of an instance with `customise`',
        'The names are those in `customise.interfaces`.',
      )
  const nameless = settings.interfaces?.[customise.interfaces.length]
  if (customise.network === 'ifupdown' && nameless !== undefined)
    report.within(
      layers,
      ['interfaces', customise.interfaces.length],
      'has no name in the guest, and ifupdown needs one',
      'Name all of them in `customise.interfaces`.',
    )
  if (
    settings.cloudInit?.injectOwnKey === false &&
    customise.rootKeys.length === 0 &&
    settings.cloudInit.rootPassword === undefined
  )
    report.within(
      layers,
      ['cloudInit', 'injectOwnKey'],
      'leaves no way to log in',
      'Give `customise` some `rootKeys`.',
      'warning',
    )
}

/** The part of the settings that reaches such a guest. What `defaults` say to others is left out. */
export function customisedSettings(settings: InstanceDocument): InstanceDocument {
  const { injectOwnKey = true, rootPassword, manageEtcHosts } = settings.cloudInit ?? {}
  return {
    ...settings,
    extraDisks: settings.extraDisks?.map(({ mount: _mount, ...disk }) => disk),
    cloudInit: { user: { name: 'root' }, disableRoot: false, injectOwnKey, rootPassword, manageEtcHosts },
  }
}
