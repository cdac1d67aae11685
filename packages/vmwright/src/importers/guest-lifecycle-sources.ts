import { type Carrier, type Found, found } from './carrier.ts'
import { shown } from './guest-lifecycle-definitions.ts'
import { lifecycleSettings } from './guest-lifecycle-settings.ts'
import type { KeyNames } from './key-names.ts'
import { tellUnknownKeys } from './leftovers.ts'
import { asMatching, asOneOf, asText } from './readers.ts'
import { entriesOf, itemsOf, type Place, placeText, type Value } from '../spec/ansible/value.ts'

const asUrl = asMatching(/^https?:\/\/[^\s/@]+(\/\S*)?$/, 'a URL that begins with https:// or http://')
const archive = /\.(bz2|xz|gz|zst|zip|tar|tgz|7z)$/i

/** Callbacks that are nothing to do any more, and why. */
const doneAnyway: Readonly<Record<string, string>> = {
  copy: 'each machine gets a disk of its own',
  img_convert: 'the disk is made in the format of `rootDisk.format`',
  install_to_libvirt: 'disks are volumes of the pool',
  setup_image:
    'cloud-init sets the name, the users and their keys at first boot, and the image stays as it is',
  setup_cloudinit_iso:
    'the medium of cloud-init is made from `cloudInit`; keys and packages of your own template belong there',
  setup_connection: 'vmwright has a key of its own for the project, and `vmwright ssh` uses it',
}

/** Writes the image that the sources of a platform end in, and the root disk. `id`: the name of the platform. */
export function carrySources(
  carrier: Carrier,
  at: readonly string[],
  {
    vm,
    id,
    foreign,
    images,
    variableOf,
  }: {
    readonly vm: Value
    readonly id: string
    /** The architecture, where it is not x86_64. */
    readonly foreign: string | undefined
    readonly images: KeyNames
    readonly variableOf: VariableName
  },
): void {
  const entries = entriesOf(vm)
  const metadata = entriesOf(entries.get('metadata'))
  const sources = [...itemsOf(entries.get('sources')), ...itemsOf(metadata.get('sources'))]
  let url: Found | undefined
  let grown: Found | undefined
  for (const source of sources) {
    const fields = entriesOf(source)
    tellUnknownKeys(carrier, 'source', source, lifecycleSettings)
    url ??= found('uri', fields.get('uri'))
    for (const task of itemsOf(fields.get('before_provision'))) {
      const callback = carryCallback(carrier, at, task, variableOf)
      if (callback === 'fetch') url ??= found('src of fetch', entriesOf(task).get('src'))
      if (callback === 'extend_and_convert') grown ??= found('size', entriesOf(task).get('size'))
    }
    const ignored = entriesOf(fields.get('on_provision')).get('callback')
    if (ignored !== undefined)
      carrier.warn(
        ignored.place,
        'on_provision.callback is in the documentation, but install_to_libvirt was always run: it had no effect, and has none here',
      )
  }
  if (sources.length === 0)
    carrier.warn(vm.place, `${at.at(-1)} has no sources, which the old system refuses`)
  if (url?.value.kind === 'scalar' && foreign !== undefined && /amd64|x86_64/.test(String(url.value.value)))
    carrier.warn(
      url.value.place,
      `the image of ${id} looks like one for x86_64, and the machine is of another architecture`,
    )
  carryImage(carrier, at, { platform: id, foreign }, { url, place: vm.place, images })
  carrier.carry(
    [...at, 'rootDisk', 'size'],
    grown,
    asMatching(/^\d+(\.\d+)?\s?[KMGT](iB|B)?$/, 'a size with a unit'),
    (text) => text.replace(/(?<=[KMGT])(B)?$/, 'iB'),
  )
  carryDisks(carrier, at, entries.get('disks'))
}

/** The name of a callback, after telling what becomes of it. */
function carryCallback(
  carrier: Carrier,
  at: readonly string[],
  task: Value,
  variableOf: VariableName,
): string | undefined {
  const entries = entriesOf(task)
  const file = entries.get('callback') ?? (task.kind === 'scalar' ? task : undefined)
  const text = file?.kind === 'scalar' ? String(file.value) : undefined
  const name = /(?:^|\/)(\w+)(?:\.ya?ml)?$/.exec(text ?? '')?.[1]
  if (name === undefined || file === undefined) {
    carrier.notes.add('question', task.place, 'a callback without a name, which is not run')
    return undefined
  }
  const done = doneAnyway[name]
  if (name === 'unarchive' || name === 'fetch_and_unarchive')
    carrier.notes.add('no-equal', file.place, `${name}: images are not unpacked; name one that is not packed`)
  else if (done !== undefined) carrier.notes.add('decided', file.place, `${name} is not run: ${done}`)
  else if (name === 'extend_and_convert' && !entries.has('size'))
    carrier.notes.add('question', file.place, 'extend_and_convert has no `size`: write `rootDisk.size`')
  else if (name !== 'fetch' && name !== 'extend_and_convert') {
    carrier.notes.add('question', file.place, `the callback ${shown(name)} is not known here, and not run`)
    carrier.draft.question([...at, 'image'], `what the callback ${shown(name)} did to the image`)
  }
  for (const key of ['from_format', 'to_format']) {
    const value = entries.get(key)
    if (value !== undefined)
      carrier.warn(
        value.place,
        `${key} is in the documentation, but the code reads ${key.replace('_format', '')}: it had no effect`,
      )
  }
  const password = found('password of root', entries.get('root_password') ?? entries.get('password'))
  carrier.secret([...at, 'cloudInit', 'rootPassword'], password, variableOf('ROOT_PASSWORD', password))
  return name
}

/** The environment variable for a secret of a machine. */
export type VariableName = (what: string, secret: Found | undefined) => string

/**
 * `DEBIAN_12_PASSWORD`: machines of a platform share the variable of a secret that stands in one place; what is not
 * resolved may be another for each, so that it is named by the machine.
 */
export const variableNames =
  (
    { machine, platform }: { readonly machine: string; readonly platform: string | undefined },
    names: KeyNames,
  ): VariableName =>
  (what, secret) => {
    const isOne = secret?.value.kind === 'secret' || secret?.value.kind === 'vault'
    const owner = platform !== undefined && isOne ? platform : machine
    const name = `${owner.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')}_${what}`.replace(/^(\d)/, 'VM_$1')
    const place = secret === undefined ? '' : placeText(secret.value.place)
    return names.keyFor(name, place).replace('-', '_')
  }

function carryImage(
  carrier: Carrier,
  at: readonly string[],
  { platform, foreign }: { readonly platform: string; readonly foreign: string | undefined },
  {
    url,
    place,
    images,
  }: { readonly url: Found | undefined; readonly place: Place; readonly images: KeyNames },
): void {
  const address = carrier.read([...at, 'image'], url, asUrl)
  const own = foreign === undefined ? platform : `${platform}.${foreign}`
  const id = images.keyFor(own, address ?? '')
  const image = ['images', id]
  // The image of the platform's name is, on this architecture, that with the architecture in its name.
  carrier.draft.set([...at, 'image'], id === own ? platform : id)
  if (url === undefined || address === undefined) {
    const what = url === undefined ? 'no source fetches the image' : 'the address of the image is not plain'
    carrier.notes.add(
      'question',
      url?.value.place ?? place,
      `${what}: write \`images.${id}.url\` or \`file\``,
    )
    if (!carrier.draft.has([...image, 'file']))
      carrier.draft.set([...image, 'file'], `./${id}.qcow2`, 'decided: a file that you put there')
    return
  }
  const file = address.split('/').at(-1) ?? ''
  if (archive.test(file)) {
    carrier.decide(
      [...image, 'file'],
      `./${file.replace(archive, '')}`,
      url.value.place,
      `the image of ${id} is packed, and images are not unpacked: fetch and unpack it beside the spec`,
    )
    return
  }
  carrier.put([...image, 'url'], address, url)
  carrier.notes.add(
    'decided',
    url.value.place,
    'only the size of a download was compared before; now its digest is, by the manifest SHA512SUMS beside it: set `checksums` or `digest` where there is none',
  )
}

function carryDisks(carrier: Carrier, at: readonly string[], disks: Value | undefined): void {
  const [root, ...others] = itemsOf(disks)
  if (root !== undefined) {
    tellUnknownKeys(carrier, 'disk', root, lifecycleSettings)
    const type = found('disks[0].type', entriesOf(root).get('type'))
    const format = carrier.read([...at, 'rootDisk', 'format'], type, asOneOf(['qcow2', 'raw']))
    if (type !== undefined && format === 'raw') {
      carrier.draft.set([...at, 'rootDisk', 'mode'], 'copy', 'an overlay is always qcow2')
      carrier.put([...at, 'rootDisk', 'format'], format, type)
    }
  }
  for (const disk of others) {
    const entries = entriesOf(disk)
    const isSeed = carrier.read([...at, 'extraDisks'], found('readonly', entries.get('readonly')), asText)
    if (isSeed !== undefined && /^(true|yes|on|1)$/i.test(isSeed))
      carrier.notes.add(
        'decided',
        disk.place,
        'a read-only disk is left out: the medium of cloud-init is made anyway',
      )
    else {
      const what = 'a further disk with content of its own has no equal: `extraDisks` are empty, with a size'
      carrier.notes.add('no-equal', disk.place, what)
      carrier.draft.question([...at, 'extraDisks'], what)
    }
  }
}
