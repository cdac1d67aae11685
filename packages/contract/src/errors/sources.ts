import type { ErrorEntry } from './entry.ts'

/** Errors of what is given: specs, secrets, images, templates, files to import. */
export const sourceErrors = {
  'spec.invalid': {
    title: 'The spec has problems.',
    when: 'The spec was read and breaks the schema or one of its rules. All problems come at once, each with file, line and column.',
    hint: 'Correct the places named; `vmwright validate` checks the file without touching a host.',
  },
  'spec.not-found': {
    title: 'The spec file does not exist or cannot be read.',
    when: 'Before anything else, in every command that reads the spec: the file is missing, or it or one that it names cannot be read.',
    hint: 'Name the file with `-f`, or run the command in the folder that has vmwright.yaml.',
  },
  'spec.unknown-name': {
    title: 'A name given on the command line is not in the spec.',
    when: 'An argument NAME, or a name given to `--replace`, `--adopt`, `--image` and the like, is no instance, group or image of the spec.',
    hint: 'Use one of the names listed; `vmwright status` shows them.',
  },
  'secret.unavailable': {
    title: 'A secret could not be read from where the spec says.',
    when: '`plan` and `apply` find it for machines that they would create, replace or reseed: the variable is unset or empty, or the file cannot be read. The secret itself is read when the seed is written.',
    hint: 'Set the environment variable or create the file, then run the command again.',
  },
  'image.not-found': {
    title: 'The image file or URL does not exist.',
    when: 'A local file is missing or is no regular file, the publisher answers 404 or 410, the image is one that only a host has, or no image of the spec fits the command.',
    hint: 'Correct the image in the spec.',
  },
  'image.download-failed': {
    title: 'The image could not be downloaded.',
    when: 'The publisher was reached, and then the transfer ended early, sent too much, was redirected too often, or was answered with an error status.',
    hint: 'Check the network and the URL; the partial file is kept and the next run goes on from there.',
  },
  'image.unreachable': {
    title: 'The publisher of an image could not be reached at all.',
    when: 'No connection, no name, no TLS, or no answer. The next source of the image is tried, and a cached version is used where `imagePolicy.refresh` allows; this is told when neither helps.',
    hint: 'Check the network, the name in the URL and the proxy (`https_proxy`), or give the image another source.',
  },
  'image.manifest-failed': {
    title: "The publisher's checksum manifest could not be fetched or understood.",
    when: 'The manifest is too large, has no line for the image or several, or its digest has the wrong length.',
    hint: 'Check `checksums` of the image, or pin a digest.',
  },
  'image.digest-mismatch': {
    title: 'An image does not have the digest that was expected.',
    when: 'A download, a local file with `digest`, or a cached file (at `images verify`, or where `imagePolicy.repair` is off) has other bytes. Nothing wrong is ever used.',
    hint: 'Run `vmwright images pull --force`; if it happens again, do not trust the source.',
  },
  'image.signature-invalid': {
    title: "The publisher's signature over the checksum manifest is missing or wrong.",
    when: 'The image has `signature`, and gpgv did not accept the signature with a key of that key ring.',
    hint: 'Check the key ring of the image; do not use the image before it verifies.',
  },
  'image.refused': {
    title: 'An image file is of a form that is not accepted (backing file, external data, foreign format).',
    when: 'The header of the file was inspected: backing file, external data file, encryption, damage, a format that does not fit its name; or it is a `nocloud` image.',
    hint: 'Convert it on a machine you trust: qemu-img convert -O qcow2 IN OUT.',
  },
  'image.pin-conflict': {
    title: 'A pinned image changed at its source.',
    when: 'A URL with a fixed version gives other bytes than vmwright.lock.json recorded, or that file cannot be understood.',
    hint: 'If the change is expected, remove its entry from vmwright.lock.json and pull again.',
  },
  'image.build-failed': {
    title: 'An image could not be built from packages.',
    when: 'mmdebstrap or one of the file system tools failed; `details.output` has its last lines. Also for a size below 1 GiB.',
    hint: 'Read the last lines of the build, mend the cause and run `vmwright images build` again.',
  },
  'image.not-cached': {
    title: 'An image is needed but not in the cache, and fetching was not asked for.',
    when: '`apply --stage provision`, which never fetches, needs an image that is not there.',
    hint: 'Run `vmwright images pull`, or apply without `--stage provision`.',
  },
  'template.not-found': {
    title: 'The machine that a template names does not exist.',
    when: 'Preflight looks for it on each host that has clones of it.',
    hint: 'Correct `domain` of the template; the message lists the machines of the host.',
  },
  'template.running': {
    title: 'A template is running.',
    when: 'Its disks can only be copied while it is shut off, and the spec does not allow to shut it down.',
    hint: 'Shut it down, or set `whenRunning: shut-down` for the template.',
  },
  'template.disk-invalid': {
    title: 'A disk of a template cannot be cloned.',
    when: 'A listed file is missing, unreadable, of another machine or not of this one; a disk of the machine is not listed; or a qcow2 refers to a file outside of the known pools.',
    hint: 'Correct `disks` of the template, or leave it out to take those of the machine.',
  },
  'template.changed': {
    title: 'The disks of a template changed although clones depend on them.',
    when: 'An overlay was made of a template, and its disk is not what it was then. The overlays may be damaged.',
    hint: 'Restore the template from a backup, or replace the clones that are named.',
  },
  'cache.full': {
    title: 'There is no space left for an image or a working file.',
    when: 'The file system of the image cache has less space than the download or the file needs.',
    hint: 'Free space or move the cache with `imageCache` of the host; `vmwright images prune` removes images that nothing uses.',
  },
  'import.unrecognised': {
    title: 'A file is none of those that can be imported.',
    when: 'Nothing in it tells which system it belongs to.',
    hint: 'Name the system with `--from`, or see `vmwright import --help` for the files that are known.',
  },
  'import.invalid': {
    title: 'A file to import cannot be read.',
    when: 'It is not YAML, JSON or an inventory, or lacks what a spec cannot do without.',
    hint: 'Correct the place that is named.',
  },
} as const satisfies Record<string, ErrorEntry>
