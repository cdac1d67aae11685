/**
 * Every error that vmwright reports has a code from this table. `docs/errors.md` is made from it, and a test
 * checks that each code is thrown somewhere and that nothing else is.
 */
interface ErrorEntry {
  /** What happened, for the catalogue in the documentation. */
  readonly title: string
  /** What to do when the place that throws has nothing more exact to say. */
  readonly hint: string
}

export const errorCatalogue = {
  'spec.invalid': {
    title: 'The spec has problems.',
    hint: 'Correct the places named; `vmwright validate` checks the file without touching a host.',
  },
  'spec.not-found': {
    title: 'The spec file does not exist or cannot be read.',
    hint: 'Name the file with `-f`, or run the command in the folder that has vmwright.yaml.',
  },
  'spec.unknown-name': {
    title: 'A name given on the command line is not in the spec.',
    hint: 'Use one of the names listed; `vmwright status` shows them.',
  },
  'secret.unavailable': {
    title: 'A secret could not be read from where the spec says.',
    hint: 'Set the environment variable or create the file, then run the command again.',
  },

  'image.not-found': {
    title: 'The image file or URL does not exist.',
    hint: 'Correct the image in the spec.',
  },
  'image.download-failed': {
    title: 'The image could not be downloaded.',
    hint: 'Check the network and the URL; the partial file is kept and the next run goes on from there.',
  },
  'image.unreachable': {
    title: 'The publisher of an image could not be reached at all.',
    hint: 'Check the network, the name in the URL and the proxy (`https_proxy`), or give the image another source.',
  },
  'image.manifest-failed': {
    title: "The publisher's checksum manifest could not be fetched or understood.",
    hint: 'Check `checksums` of the image, or pin a digest.',
  },
  'image.digest-mismatch': {
    title: 'An image does not have the digest that was expected.',
    hint: 'Run `vmwright images pull --force`; if it happens again, do not trust the source.',
  },
  'image.signature-invalid': {
    title: "The publisher's signature over the checksum manifest is missing or wrong.",
    hint: 'Check the key ring of the image; do not use the image before it verifies.',
  },
  'image.refused': {
    title: 'An image file is of a form that is not accepted (backing file, external data, foreign format).',
    hint: 'Convert it on a machine you trust: qemu-img convert -O qcow2 IN OUT.',
  },
  'image.pin-conflict': {
    title: 'A pinned image changed at its source.',
    hint: 'If the change is expected, remove its entry from vmwright.lock.json and pull again.',
  },
  'image.in-use': {
    title: 'An image is still the base of instances.',
    hint: 'Destroy the dependents named first, or leave the image.',
  },
  'image.build-failed': {
    title: 'An image could not be built from packages.',
    hint: 'Read the last lines of the build, mend the cause and run `vmwright images build` again.',
  },
  'image.not-cached': {
    title: 'An image is needed but not in the cache, and fetching was not asked for.',
    hint: 'Run `vmwright images pull`, or apply without `--stage provision`.',
  },
  'cache.full': {
    title: 'There is no space left for an image or a working file.',
    hint: 'Free space or move the cache with `imageCache` of the host; `vmwright images prune` removes images that nothing uses.',
  },

  'host.unreachable': {
    title: 'The hypervisor did not answer or refused the connection.',
    hint: 'Check that libvirt runs on the host and that its `uri` is right: virsh -c URI version.',
  },
  'host.connection-lost': {
    title: 'The connection to the hypervisor broke in the middle.',
    hint: 'Run the same command again: it goes on from what is there.',
  },
  'host.operation-failed': {
    title: 'The hypervisor refused an operation.',
    hint: 'The message is the hypervisor’s own; run `vmwright plan` to see what is there now.',
  },
  'host.timeout': {
    title: 'The hypervisor did not finish an operation in time.',
    hint: 'The outcome is unknown; run the same command again: it looks first.',
  },
  'host.locked': {
    title: 'Another run of vmwright is working on the host.',
    hint: 'Wait for it (`--lock-timeout 10m`), or stop it.',
  },
  'host.no-acceleration': {
    title: 'The host cannot start guests with KVM.',
    hint: 'Enable VT-x or AMD-V in the firmware of the host, or allow emulation: `acceleration: prefer-kvm`.',
  },
  'host.missing-capability': {
    title: 'The host lacks something that the spec needs.',
    hint: 'Install it on the host, or change the spec.',
  },
  'host.no-space': {
    title: 'The host has not enough free space or memory for what would be made.',
    hint: 'Free space on the host, or make the disks smaller.',
  },

  'pool.not-found': {
    title: 'A storage pool that the spec uses does not exist.',
    hint: 'Create the pool, or give a `path` so that vmwright makes it.',
  },
  'pool.full': {
    title: 'A storage pool has no space left.',
    hint: 'Free space in the pool, then run the command again.',
  },
  'network.not-found': {
    title: 'A network that the spec uses does not exist on the host.',
    hint: 'Use one of the networks listed.',
  },
  'network.inactive': {
    title: 'A network that the spec uses is not active.',
    hint: 'Start it (virsh net-start NAME), or set `startInactive: true`.',
  },
  'address.conflict': {
    title: 'An address or MAC is used by another machine.',
    hint: 'Choose another one, or remove the other machine.',
  },

  'vm.not-found': { title: 'A machine does not exist.', hint: 'Create it with `vmwright apply`.' },
  'vm.foreign': {
    title: 'A machine of a declared name was not made by vmwright.',
    hint: 'Rename the instance, or take the machine over with `--adopt NAME`.',
  },
  'vm.needs-replacement': {
    title: 'A change cannot be made to an existing machine.',
    hint: 'Apply with `--replace NAME` to destroy and create it again, or undo the change.',
  },
  'disk.conflict': {
    title: 'A disk of the wanted name exists and is not ours.',
    hint: 'Remove or rename the file after looking at it.',
  },
  'disk.shrink-refused': {
    title: 'A disk would become smaller.',
    hint: 'Disks only grow. Undo the change, or replace the machine.',
  },
  'snapshot.not-found': {
    title: 'A snapshot does not exist.',
    hint: 'Use one of the snapshots listed by `vmwright status --json`.',
  },
  'snapshot.unsupported': {
    title: 'The host cannot make or restore this kind of snapshot.',
    hint: 'Switch the snapshot off for the instance, or change its firmware.',
  },

  'wait.timeout': {
    title: 'Something awaited did not happen in time.',
    hint: 'Run the same command again: it goes on waiting.',
  },
  'guest.no-boot-device': {
    title: 'The guest found nothing to boot from.',
    hint: 'Check `firmware` and the image: vmwright console NAME.',
  },
  'guest.kernel-panic': {
    title: 'The guest’s kernel panicked.',
    hint: 'Read the console: vmwright console NAME.',
  },
  'guest.emergency-mode': {
    title: 'The guest stopped its boot in emergency mode.',
    hint: 'Find the unit or mount that failed: vmwright console NAME.',
  },
  'guest.stopped': {
    title: 'The guest stopped while it was waited for.',
    hint: 'Read the console: vmwright console NAME.',
  },
  'guest.no-address': {
    title: 'The guest got no address.',
    hint: 'Check the network and its DHCP: vmwright console NAME.',
  },
  'guest.wrong-address': {
    title: 'The guest has another address than the spec says.',
    hint: 'Check the guest’s network configuration: vmwright console NAME.',
  },
  'guest.no-datasource': {
    title: 'cloud-init did not find its seed.',
    hint: 'Check `seedBus` of the image: the guest’s kernel must have a driver for it.',
  },
  'guest.cloud-init-failed': {
    title: 'cloud-init finished with errors.',
    hint: 'Read /var/log/cloud-init.log in the guest: vmwright ssh NAME.',
  },
  'guest.port-closed': {
    title: 'A port of the guest does not answer.',
    hint: 'Check the service and the firewall in the guest: vmwright console NAME.',
  },
  'guest.ssh-refused': {
    title: 'The guest refused the SSH login.',
    hint: 'Check the user and the keys of the instance.',
  },
  'guest.host-key-mismatch': {
    title: 'The guest shows another SSH host key than the one it was given.',
    hint: 'Another machine may answer at this address; do not log in before you know why.',
  },
  'guest.key-unreadable': {
    title: 'The SSH key with which vmwright logs in to guests cannot be read.',
    hint: 'Move the file named away; a new key is made for new guests.',
  },
  'guest.agent-silent': {
    title: 'The guest agent does not answer.',
    hint: 'Check that qemu-guest-agent is installed and runs in the guest.',
  },
  'guest.not-ready': {
    title: 'The guest did not become ready in time.',
    hint: 'Look at its console: vmwright console NAME.',
  },

  'process.not-found': {
    title: 'A program that is needed is not installed.',
    hint: 'Install it and run the command again.',
  },
  'process.failed': { title: 'A program that was called failed.', hint: 'Its last lines say why.' },
  'run.cancelled': {
    title: 'The run was cancelled.',
    hint: 'Run the same command again to go on, or `vmwright destroy` to remove what was made.',
  },
  'run.incomplete': {
    title: 'Some steps failed.',
    hint: 'Mend the causes named and run the same command again: it goes on from what is there.',
  },
  'run.confirmation-needed': {
    title: 'A command that removes or replaces things needs confirmation.',
    hint: 'Run it again with `--yes`.',
  },
  'usage.invalid': {
    title: 'The command line is not understood.',
    hint: 'vmwright COMMAND --help shows the options.',
  },
  'internal.bug': {
    title: 'Something happened that should be impossible.',
    hint: 'Please report it with the output of the same command and `--json`.',
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof errorCatalogue

/** An error as it crosses the wire and appears in `--json` output. */
export interface ErrorReport {
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string
  readonly details: Readonly<Record<string, unknown>>
  readonly retryable: boolean
}
