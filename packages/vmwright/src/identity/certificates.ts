import type { FileChange } from '../hypervisor/disks.ts'
import type { CustomiseSpec } from '../spec/resolved-places.ts'
import { write } from './changes.ts'
import { installScript } from './packages.ts'

/** Where distributions look for certificates to trust, and the program that takes them from there. */
const folders: readonly string[] = [
  // Debian, Ubuntu, Alpine: update-ca-certificates(8)
  '/usr/local/share/ca-certificates',
  // Fedora and its kin: update-ca-trust(8)
  '/etc/pki/ca-trust/source/anchors',
  // openSUSE
  '/etc/pki/trust/anchors',
  // Arch
  '/etc/ca-certificates/trust-source/anchors',
]

/** Has the guest trust these certificates, before packages are fetched from servers that have theirs from one of them. */
export function certificateChanges(certificates: CustomiseSpec['certificates']): readonly FileChange[] {
  if (certificates.length === 0) return []
  return [
    {
      kind: 'run',
      title: 'find where certificates are trusted, or install ca-certificates',
      command: `command -v update-ca-certificates >/dev/null && exit 0
command -v update-ca-trust >/dev/null && exit 0
${installScript(['ca-certificates'])}`,
    },
    ...certificates.flatMap(({ name, pem }) =>
      singles(name, pem).flatMap((each) =>
        folders.map((folder) => write(`${folder}/${each.name}.crt`, each.pem, { onlyIf: folder })),
      ),
    ),
    {
      kind: 'run',
      title: `trust ${certificates.map(({ name }) => name).join(', ')}`,
      command: `if command -v update-ca-certificates >/dev/null
then update-ca-certificates
else update-ca-trust extract
fi`,
    },
  ]
}

const block = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** update-ca-certificates takes one certificate from each file, and leaves a chain out. */
function singles(name: string, pem: string): readonly { readonly name: string; readonly pem: string }[] {
  const base = name.replace(/\.(pem|crt|cer)$/i, '').replaceAll(/[^\w.-]/g, '-')
  const blocks = pem.match(block) ?? [pem.trimEnd()]
  return blocks.map((text, index) => ({
    name: blocks.length === 1 ? base : `${base}-${index + 1}`,
    pem: `${text}\n`,
  }))
}
