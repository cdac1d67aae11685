/**
 * Every error that vmwright reports has a code from this table. `docs/errors.md` is made from it, and a test
 * checks that each code is thrown somewhere and that nothing else is.
 */
interface ErrorEntry {
  /** What happened, for the catalogue in the documentation. */
  readonly title: string
  /** Where and under which circumstances it is reported, for the catalogue in the documentation. */
  readonly when: string
  /** What to do when the place that throws has nothing more exact to say. */
  readonly hint: string
}

export const errorCatalogue = {
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
  'cache.full': {
    title: 'There is no space left for an image or a working file.',
    when: 'The file system of the image cache has less space than the download or the file needs.',
    hint: 'Free space or move the cache with `imageCache` of the host; `vmwright images prune` removes images that nothing uses.',
  },

  'host.unreachable': {
    title: 'The hypervisor did not answer or refused the connection.',
    when: 'While connecting: the daemon does not run, the URI is wrong, `ssh` fails, or a certificate or a login is refused.',
    hint: 'Check that libvirt runs on the host and that its `uri` is right: virsh -c URI version.',
  },
  'host.no-shell': {
    title: 'No command can be run on the hypervisor itself.',
    when: 'Files outside of pools are to be looked at, copied or changed (templates, access lists), and the host is reached in a way that gives no shell.',
    hint: 'Reach the host by `qemu+ssh://` or, on itself, by `qemu:///system`.',
  },
  'host.tool-missing': {
    title: 'A program that the work needs is not installed on the hypervisor.',
    when: 'Before a template is cloned: libguestfs for clones that get their identity offline, `setfacl` where access is repaired.',
    hint: 'Install the package that is named on that host.',
  },
  'host.busy': {
    title: 'Another job of the hypervisor is in the way.',
    when: 'A pool or a disk is being worked on by another job. It is tried again until the step has no time left.',
    hint: 'Wait until the other job has ended, or clone one after the other: `cloning: { mode: sequential }`.',
  },
  'host.access-denied': {
    title: 'The user that runs guests cannot reach a path that they need.',
    when: 'Preflight and `vmwright host access` walk each path as that user; the first folder that stops it is named.',
    hint: 'Run `vmwright host access --repair`, or set `repairAccess: true` for the host.',
  },
  'host.no-driver': {
    title: 'This version cannot work on hosts of that kind.',
    when: 'The spec has a host whose `uri` is valid, and no driver is there for it; `validate` and `import` accept it.',
    hint: 'Work on the instances of other hosts by naming them.',
  },
  'host.connection-lost': {
    title: 'The connection to the hypervisor broke in the middle.',
    when: 'The daemon was stopped, or the network or the `ssh` behind the connection went away.',
    hint: 'Run the same command again: it goes on from what is there.',
  },
  'host.operation-failed': {
    title: 'The hypervisor refused an operation.',
    when: "libvirt answered with an error that has no code of its own here; `details.libvirtCode` has libvirt's.",
    hint: 'The message is the hypervisor’s own; run `vmwright plan` to see what is there now.',
  },
  'host.timeout': {
    title: 'The hypervisor did not finish an operation in time.',
    when: 'A call to libvirt had no answer within its limit.',
    hint: 'The outcome is unknown; run the same command again: it looks first.',
  },
  'host.locked': {
    title: 'Another run of vmwright is working on the host.',
    when: 'Another run on this machine still held the host when `--lock-timeout` was over. The message names who and since when.',
    hint: 'Wait for it (`--lock-timeout 10m`), or stop it.',
  },
  'host.no-acceleration': {
    title: 'The host cannot start guests with KVM.',
    when: '`acceleration: require-kvm` (the default), and libvirt does not offer KVM, or a trial guest did not start with it, stopped at once, or its firmware was never heard.',
    hint: 'Enable VT-x or AMD-V in the firmware of the host, or allow emulation: `acceleration: prefer-kvm`.',
  },
  'host.missing-capability': {
    title: 'The host lacks something that the spec needs.',
    when: 'A finding of the plan: a new machine wants UEFI or Secure Boot, and the host has no such firmware.',
    hint: 'Install it on the host, or change the spec.',
  },
  'host.no-space': {
    title: 'The host has not enough free space or memory for what would be made.',
    when: 'A finding of the plan. An error when a machine wants more memory than the host has; a warning when it is only short now, or when there are fewer CPUs than wanted.',
    hint: 'Free space on the host, or make the disks smaller.',
  },

  'pool.not-found': {
    title: 'A storage pool that the spec uses does not exist.',
    when: 'The pool does not exist, is not active, has no folder, or has another folder than the spec says.',
    hint: 'Create the pool, or give a `path` so that vmwright makes it.',
  },
  'pool.full': {
    title: 'A storage pool has no space left.',
    when: 'A finding of the plan when the space is known to be short; otherwise when a volume cannot be written and the pool has less free than it needs.',
    hint: 'Free space in the pool, then run the command again.',
  },
  'network.not-found': {
    title: 'A network that the spec uses does not exist on the host.',
    when: 'A finding of the plan. The message lists the networks that exist.',
    hint: 'Use one of the networks listed.',
  },
  'network.inactive': {
    title: 'A network that the spec uses is not active.',
    when: 'A finding of the plan, unless the host has `startInactiveNetworks: true`.',
    hint: 'Start it (virsh net-start NAME), or set `startInactiveNetworks: true` for the host.',
  },
  'address.conflict': {
    title: 'An address or MAC is used by another machine.',
    when: 'A finding of the plan: a MAC belongs to another machine, or a static address is leased to another one.',
    hint: 'Choose another one, or remove the other machine.',
  },

  'vm.not-found': {
    title: 'A machine does not exist.',
    when: '`apply --stage runtime`, `ssh`, `console`, `access` or `snapshot` for a machine that is not there or only half made.',
    hint: 'Create it with `vmwright apply`.',
  },
  'vm.foreign': {
    title: 'A machine of a declared name was not made by vmwright.',
    when: 'The machine has no mark, or the mark of another project. It is left alone.',
    hint: 'Rename the instance, or take the machine over with `--adopt NAME`.',
  },
  'disk.no-reflink': {
    title: 'The file system cannot share blocks between files.',
    when: '`clone: reflink` is asked for, and the pool is on another file system than the template, or on one without reflinks (they need btrfs, XFS, or the like).',
    hint: 'Use `clone: auto`, `clone: copy` or `clone: overlay`.',
  },
  'disk.no-system': {
    title: 'No operating system was found on the disks of a clone.',
    when: 'The identity of a clone is written into its disks, and no file system there has an `/etc`.',
    hint: 'Check that the template boots, and that its encrypted volumes are not the ones needed.',
  },
  'disk.edit-failed': {
    title: 'Files could not be written into the disks of a clone.',
    when: 'libguestfs did not start on the host, or refused a change. Its last lines are in the message.',
    hint: 'Run `libguestfs-test-tool` on that host.',
  },
  'disk.conflict': {
    title: 'A disk of the wanted name exists and is not ours.',
    when: 'The machine does not exist and its disk files do, or a volume of the name has another size, format or base.',
    hint: 'Remove or rename the file after looking at it.',
  },
  'disk.shrink-refused': {
    title: 'A disk would become smaller.',
    when: '`size` in the spec is below what the disk, or the image, has.',
    hint: 'Disks only grow. Undo the change, or replace the machine.',
  },
  'snapshot.not-found': {
    title: 'A snapshot does not exist.',
    when: '`snapshot restore` for a name that the machine does not have.',
    hint: 'Use one of those that `vmwright snapshot list` shows.',
  },
  'snapshot.unsupported': {
    title: 'The host cannot make or restore this kind of snapshot.',
    when: 'A finding of the plan; also when an external snapshot that is not the newest is to be restored, or libvirt is too old to delete one.',
    hint: 'Switch the snapshot off for the instance, or change its firmware.',
  },

  'wait.timeout': {
    title: 'Something awaited did not happen in time.',
    when: 'A guest did not shut down when asked, a console did not open, or a publisher was silent.',
    hint: 'Run the same command again: it goes on waiting.',
  },
  'guest.no-boot-device': {
    title: 'The guest found nothing to boot from.',
    when: 'The firmware said so on the console.',
    hint: 'Check `firmware` and the image: vmwright console NAME.',
  },
  'guest.kernel-panic': {
    title: 'The guest’s kernel panicked.',
    when: 'The kernel said so on the console.',
    hint: 'Read the console: vmwright console NAME.',
  },
  'guest.emergency-mode': {
    title: 'The guest stopped its boot in emergency mode.',
    when: 'systemd said so on the console.',
    hint: 'Find the unit or mount that failed: vmwright console NAME.',
  },
  'guest.stopped': {
    title: 'The guest stopped while it was waited for.',
    when: 'It shut itself down or crashed while its readiness was waited for; also when `ssh`, `console` or `access` want a machine that is off.',
    hint: 'Read the console: vmwright console NAME.',
  },
  'guest.no-address': {
    title: 'The guest got no address.',
    when: 'No lease, nothing in the ARP table, nothing from the agent within `ready.timeouts.address`.',
    hint: 'Check the network and its DHCP: vmwright console NAME.',
  },
  'guest.wrong-address': {
    title: 'The guest has another address than the spec says.',
    when: 'The host sees other addresses of the guest than the static ones in the spec.',
    hint: 'Check the guest’s network configuration: vmwright console NAME.',
  },
  'guest.no-datasource': {
    title: 'cloud-init did not find its seed.',
    when: 'cloud-init said on the console, or in its result, that it had no data source or used a fallback.',
    hint: 'Check `seedBus` of the image: the guest’s kernel must have a driver for it.',
  },
  'guest.cloud-init-failed': {
    title: 'cloud-init finished with errors.',
    when: 'cloud-init reported errors; the diagnosis has them, with the lines of its log.',
    hint: 'Read /var/log/cloud-init.log in the guest: vmwright ssh NAME.',
  },
  'guest.port-closed': {
    title: 'A port of the guest does not answer.',
    when: 'Nothing accepts connections at `ready.port` within `ready.timeouts.port`.',
    hint: 'Check the service and the firewall in the guest: vmwright console NAME.',
  },
  'guest.ssh-refused': {
    title: 'The guest refused the SSH login.',
    when: 'sshd answers and shows the right host key, and does not accept the own key for the user of the instance.',
    hint: 'Check the user and the keys of the instance.',
  },
  'guest.host-key-mismatch': {
    title: 'The guest shows another SSH host key than the one it was given.',
    when: 'sshd shows a key that the guest was not given; or no key is known, as for a machine that was taken over.',
    hint: 'Another machine may answer at this address; do not log in before you know why.',
  },
  'guest.key-unreadable': {
    title: 'The SSH key with which vmwright logs in to guests cannot be read.',
    when: 'The file `id_ed25519` in the data folder is no unencrypted OpenSSH private key.',
    hint: 'Move the file named away; a new key is made for new guests.',
  },
  'guest.agent-silent': {
    title: 'The guest agent does not answer.',
    when: '`agent` is among the rungs and its channel stays closed, or it does not answer a call.',
    hint: 'Check that qemu-guest-agent is installed and runs in the guest.',
  },
  'guest.not-ready': {
    title: 'The guest did not become ready in time.',
    when: 'A limit of `ready.timeouts` was over and the facts fit none of the other diagnoses.',
    hint: 'Look at its console: vmwright console NAME.',
  },

  'process.not-found': {
    title: 'A program that is needed is not installed.',
    when: '`ssh`, `gpgv`, `mmdebstrap` or another program that is called was not found.',
    hint: 'Install it and run the command again.',
  },
  'run.cancelled': {
    title: 'The run was cancelled.',
    when: 'Ctrl-C, SIGTERM or SIGHUP.',
    hint: 'Run the same command again to go on, or `vmwright destroy` to remove what was made.',
  },
  'usage.invalid': {
    title: 'The command line is not understood.',
    when: 'An unknown command, option or value, or a group where one instance is wanted.',
    hint: 'vmwright COMMAND --help shows the options.',
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
  'benchmark.no-data': {
    title: 'There is no benchmark to report on.',
    when: 'The folder has no run, or the run has no summary.',
    hint: 'Make one with `vmwright benchmark cold`, or name the folder with `--root`.',
  },
  'internal.bug': {
    title: 'Something happened that should be impossible.',
    when: 'Something was thrown that has no code.',
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
