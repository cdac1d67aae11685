import type { Carrier, Found } from './carrier.ts'
import type { Forms } from './clusters.ts'
import { clusterForms } from './clusters-settings.ts'
import { asMatching, asText } from './readers.ts'

const asUrl = asMatching(/^https?:\/\/[^\s/@]+(\/\S*)?$/, 'a URL that begins with https://')

/** The image that all machines are made of, `images.cluster`. */
export function carryClusterImage(carrier: Carrier, forms: Forms): void {
  const at = ['images', 'cluster']
  const { imageBase, imageFile, imageUrl } = forms
  const url =
    imageUrl === undefined ? joined(carrier, at, imageBase, imageFile) : plain(carrier, at, imageUrl)
  if (url === undefined) {
    carrier.draft.question([...at, 'url'], 'no variable has the address of the image')
    carrier.notes.add(
      'question',
      undefined,
      'the address of the image is not in these files: write it to images.cluster.url',
    )
    return
  }
  const manifest = carrier.carry([...at, 'checksums', 'url'], forms.manifest, asUrl, singleSlashes)
  if (manifest === undefined)
    carrier.draft.set(
      [...at, 'checksums', 'url'],
      `${url.slice(0, url.lastIndexOf('/'))}/SHA512SUMS`,
      'beside the image, by default',
    )
  carrier.draft.set([...at, 'checksums', 'algorithm'], 'sha512', 'as the code does; a label says sha256')
  carrier.notes.add(
    'decided',
    undefined,
    'the digest is SHA512, as the code has it; the label of the old task says sha256',
  )
  carrier.noEqual(forms.download, clusterForms.download.note)
  const place = (imageUrl ?? imageFile ?? imageBase)?.value.place
  if (/nocloud/.test(url))
    carrier.warn(
      place,
      'a nocloud image has no cloud-init, which names and addresses need here: take the genericcloud image',
    )
  if (/bullseye|debian-11/.test(url))
    carrier.warn(place, 'the prose of the old system says buster, its variables bullseye; bullseye is taken')
}

function plain(carrier: Carrier, at: readonly string[], setting: Found): string | undefined {
  const url = carrier.carry([...at, 'url'], setting, asUrl, singleSlashes)
  if (url !== undefined && url !== singleSlashes(url)) warnOfSlashes(carrier, setting)
  return url === undefined ? undefined : singleSlashes(url)
}

function joined(
  carrier: Carrier,
  at: readonly string[],
  base: Found | undefined,
  file: Found | undefined,
): string | undefined {
  const folder = carrier.read([...at, 'url'], base, asUrl)
  const name = carrier.read([...at, 'url'], file, asText)
  if (base === undefined || file === undefined || folder === undefined || name === undefined) return undefined
  if (folder.endsWith('/')) warnOfSlashes(carrier, base)
  const url = singleSlashes(`${folder}/${name}`)
  carrier.put([...at, 'url'], url, base)
  carrier.put([...at, 'fileName'], name, file)
  return url
}

const warnOfSlashes = (carrier: Carrier, { name, value }: Found): void =>
  carrier.warn(value.place, `${name} ends in / and was joined with another /; one is written`)

const singleSlashes = (url: string): string => url.replaceAll(/(?<!:)\/{2,}/g, '/')
