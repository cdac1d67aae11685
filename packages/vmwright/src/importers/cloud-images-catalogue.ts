import { type Carrier, type Found, found } from './carrier.ts'
import { cloudImageSettings } from './cloud-images-settings.ts'
import { layered, profilesOf } from './kvm-hosts.ts'
import { tellUnknownKeys } from './leftovers.ts'
import { asMatching, asOneOf, asText } from './readers.ts'
import type { Scope } from '../spec/ansible/scope.ts'
import { entriesOf, type Value } from '../spec/ansible/value.ts'

/** Profiles of the catalogue as `images`, by the same keys. */
export function carryCatalogue(carrier: Carrier, scope: Scope): void {
  const profiles = profilesOf(scope, 'kvm_cloud_image_catalog')
  for (const [key, profile] of profiles) carryImage(carrier, scope, key, profile)
  const place = scope.written('kvm_cloud_image_catalog')?.place
  if (profiles.size === 0) {
    carrier.warn(
      place,
      '`kvm_cloud_image_catalog` is not in these files: the images of the built-in catalogue are used',
    )
    return
  }
  carrier.notes.add(
    'decided',
    place,
    'firmware came with Secure Boot; here it is off unless `images.*.secureBoot` is `true`',
  )
  carrier.notes.add(
    'decided',
    place,
    '`debian-12`, `debian-13` and `ubuntu-24.04` are in the built-in catalogue too: what is not set here is as there, and when the publisher cannot be reached they are built from packages; `build: false` forbids that',
  )
}

function carryImage(carrier: Carrier, scope: Scope, key: string, profile: Value): void {
  const at = ['images', key]
  carrier.draft.open(at)
  tellUnknownKeys(carrier, 'profile', profile, cloudImageSettings)
  const pick = layered([{ name: key, entries: entriesOf(profile) }], scope)
  if (pick('image_version') === undefined) carryUrl(carrier, at, pick)
  else carryPinned(carrier, at, pick)
  carryDigest(carrier, at, pick('image_checksum'))
  carrier.carry([...at, 'machine'], pick('virt_install_machine_type'), asText)
  carrier.carry([...at, 'seedBus'], pick('seed_device_bus'), asOneOf(['sata', 'ide', 'scsi', 'virtio']))
  carrier.carry([...at, 'firmware'], pick('firmware_boot_mode'), asOneOf(['uefi', 'bios']))
  carrier.carry([...at, 'user'], pick('cloud_init_user', 'kvm_default_cloud_init_user'), asText)
}

type Pick = (key: string, variable?: string) => Found | undefined

const asUrl = asMatching(/^https?:\/\/[^\s/@]+(\/\S*)?$/, 'a URL that begins with https://')

function carryUrl(carrier: Carrier, at: readonly string[], pick: Pick): void {
  const image = pick('image_url')
  const url = carrier.carry([...at, 'url'], image, asUrl)
  const file = pick('image_filename')
  const name = carrier.carry([...at, 'fileName'], file, asText)
  if (name?.includes('nocloud') === true)
    carrier.warn(
      file?.value.place,
      `${name} is a nocloud image, which is refused unless \`imagePolicy.allowNocloud\` is set`,
    )
  const algorithm = pick('image_checksum_algorithm')
  const word = carrier.carry([...at, 'checksums', 'algorithm'], algorithm, asOneOf(['sha512', 'sha256']))
  const manifest = pick('image_checksum_manifest_url')
  if (manifest !== undefined) carrier.carry([...at, 'checksums', 'url'], manifest, asUrl)
  else if (url !== undefined) {
    const beside = `${url.slice(0, url.lastIndexOf('/'))}/SHA512SUMS`
    carrier.builtin([...at, 'checksums', 'url'], beside, 'image_checksum_manifest_url')
    if (word === 'sha256')
      carrier.warn(
        algorithm?.value.place,
        'the algorithm is sha256, but the manifest is SHA512SUMS where none is named: set `checksums.url`',
      )
  }
}

/** Later files name the parts of the address of one version, of which it is put together here as there. */
function carryPinned(carrier: Carrier, at: readonly string[], pick: Pick): void {
  const version = pick('image_version')
  const codename = carrier.read([...at, 'url'], pick('image_codename'), asText)
  const major = carrier.read([...at, 'url'], pick('image_major'), asText)
  const variant = carrier.read([...at, 'url'], pick('image_variant'), asText) ?? 'genericcloud'
  const distribution =
    carrier.read([...at, 'url'], pick('image_distro'), asOneOf(['debian', 'ubuntu'])) ?? 'debian'
  if (version === undefined || codename === undefined || (distribution === 'debian' && major === undefined)) {
    carrier.draft.question(
      [...at, 'url'],
      'image_codename and image_major are wanted to put the address together',
    )
    carrier.notes.add(
      'question',
      version?.value.place,
      `images.${at.at(-1)}: image_codename or image_major is not set`,
    )
    return
  }
  const isDebian = distribution === 'debian'
  const folder = isDebian
    ? `https://cdimage.debian.org/cdimage/cloud/${codename}/{version}`
    : `https://cloud-images.ubuntu.com/${codename}/{version}`
  const file = isDebian
    ? `debian-${major}-${variant}-amd64-{version}.qcow2`
    : `${codename}-server-cloudimg-amd64.img`
  const sums = isDebian ? 'SHA512SUMS' : 'SHA256SUMS'
  const origin = pick('image_codename') ?? version
  carrier.carry([...at, 'version'], version, asText)
  carrier.put([...at, 'url'], `${folder}/${file}`, origin)
  carrier.put([...at, 'fileName'], file, origin)
  carrier.draft.set([...at, 'checksums'], {
    url: `${folder}/${sums}`,
    algorithm: isDebian ? 'sha512' : 'sha256',
  })
}

function carryDigest(carrier: Carrier, at: readonly string[], checksum: Found | undefined): void {
  if (checksum?.value.kind === 'scalar' && checksum.value.value === '') return
  const asHex = asMatching(/^([0-9A-Fa-f]{64}|[0-9A-Fa-f]{128})$/, 'a digest of 64 or 128 hexadecimal digits')
  carrier.carry(
    [...at, 'digest'],
    checksum,
    asHex,
    (hex) => `${hex.length === 64 ? 'sha256' : 'sha512'}:${hex}`,
  )
}

/** The user that an instance of the profile has by default. */
export const profileOf = (scope: Scope, id: string | undefined): Found | undefined =>
  id === undefined ? undefined : found(id, profilesOf(scope, 'kvm_cloud_image_catalog').get(id))
