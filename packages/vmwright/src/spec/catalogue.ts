import type { ImageDocument } from '@vmwright/contract'

const debian = (number: string, suite: string, version: string): ImageDocument => {
  // The publisher repeats the version in the names of files in a version's own folder.
  const fileName = `debian-${number}-genericcloud-amd64${version === 'latest' ? '' : '-{version}'}.qcow2`
  const folder = `https://cdimage.debian.org/cdimage/cloud/${suite}/{version}`
  return {
    url: `${folder}/${fileName}`,
    fileName,
    version,
    checksums: { url: `${folder}/SHA512SUMS`, algorithm: 'sha512' },
    build: { distribution: 'debian', suite },
    user: 'debian',
  }
}

const ubuntu = (suite: string, version: string): ImageDocument => {
  const fileName = `${suite}-server-cloudimg-amd64.img`
  const folder = `https://cloud-images.ubuntu.com/${suite}/{version}`
  return {
    url: `${folder}/${fileName}`,
    fileName,
    version,
    checksums: { url: `${folder}/SHA256SUMS`, algorithm: 'sha256' },
    signature: { url: `${folder}/SHA256SUMS.gpg`, keyring: ubuntuKeyring },
    build: { distribution: 'ubuntu', suite },
    user: 'ubuntu',
  }
}

/** Of the Debian and Ubuntu package `ubuntu-keyring`. The signature is checked where it is installed. */
export const ubuntuKeyring = '/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg'

/** Images that need no entry in `images`: their names, and how each looks for a version directory. */
export const catalogue: ReadonlyMap<string, (version: string | undefined) => ImageDocument> = new Map([
  ['debian-12', (version) => debian('12', 'bookworm', version ?? 'latest')],
  ['debian-13', (version) => debian('13', 'trixie', version ?? 'latest')],
  ['ubuntu-24.04', (version) => ubuntu('noble', version ?? 'current')],
])
