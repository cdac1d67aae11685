import type { Path } from './node.ts'
import type { Layers } from './report.ts'
import type { CustomiseSpec } from './resolved-places.ts'
import { fileText, type TextContext } from './texts.ts'

const oneOf = /-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END CERTIFICATE-----/g

/** Certificates of the files that are named at a path in one of the layers, each file under its own name. */
export function readCertificates(
  files: readonly string[],
  layers: Layers,
  at: Path,
  context: TextContext,
): CustomiseSpec['certificates'] {
  const { report } = context
  const names = new Map<string, string>()
  return files.flatMap((file, index) => {
    const path = [...at, index]
    const text = fileText(file, layers, path, context)
    if (text === undefined) return []
    const name = nameOf(file)
    const other = names.get(name)
    if (other !== undefined)
      report.within(
        layers,
        path,
        `would have the name of ${other} in the guest`,
        'Give the file another name.',
      )
    names.set(name, file)
    if (/PRIVATE KEY/.test(text)) {
      report.within(layers, path, 'has a private key in it', 'Name a file that has the certificate alone.')
      return []
    }
    const pem = [...text.matchAll(oneOf)].map(([, body = '']) => body.replaceAll(/\s/g, ''))
    if (pem.length === 0 || !pem.every(isSequence)) {
      report.within(
        layers,
        path,
        'has no certificate in PEM form',
        'Convert it: `openssl x509 -inform DER -in FILE -out FILE.pem`.',
      )
      return []
    }
    return [{ name, pem: pem.map(wrapped).join('') }]
  })
}

/** Safe as a file name in the guest, without extension. */
const nameOf = (file: string): string =>
  (file.split('/').at(-1) ?? '').replace(/\.(pem|crt|cer|cert)$/i, '').replaceAll(/[^A-Za-z0-9._-]/g, '-') ||
  'certificate'

/** Base64 of an ASN.1 sequence with a length of two bytes: all certificates are between 128 bytes and 64 KiB. */
const isSequence = (base64: string): boolean => base64.length % 4 === 0 && /^MI[G-L]/.test(base64)

const wrapped = (base64: string): string =>
  `-----BEGIN CERTIFICATE-----\n${base64.replaceAll(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`
