import type { ErrorEntry } from './entry.ts'

/** Errors of hypervisors and what lies on them. */
export const hostErrors = {
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
  'host.change-failed': {
    title: 'A change of the host itself did not take.',
    when: 'While a host is prepared or restored: a package, service, setting, module or membership is not as it was made.',
    hint: 'See what the host says: vmwright host check.',
  },
  'host.bridge-refused': {
    title: 'A bridge cannot be made over that interface, or taken away from it.',
    when: 'Before anything is done: the interface is missing, wireless, in another bridge, or carries the default route without consent; its configuration was changed by somebody else.',
    hint: 'Name another interface, or see in the guide how to do it by hand: docs/host-bridge.md.',
  },
  'host.bridge-rolled-back': {
    title: 'A bridge was made and taken back, because the host was not reached afterwards.',
    when: 'No new connection confirmed the change in time, so the host restored its interfaces by itself.',
    hint: 'Look at the addresses and the switch port of the interface, then try again with more time.',
  },
  'host.no-room': {
    title: 'No host has room for an instance.',
    when: 'A finding of the plan: every host that the instance may go to lacks memory, or may not have another one of its group.',
    hint: 'Add a host, ask for less memory, or loosen `placement`.',
  },
  'host.not-as-before': {
    title: 'A host is not as it was before the project came.',
    when: '`destroy --verify` found what was left, or what is missing, compared with the record from before the first apply.',
    hint: 'Look at the list: what is not yours may be from somebody else, who changed the host meanwhile.',
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
  'network.conflict': {
    title: 'A network cannot be made beside what the host has.',
    when: 'A finding of the plan, or the host refuses: its name, bridge or addresses are used by another network, an interface or a route of the host, or something answers DNS there already.',
    hint: 'Change the name, the bridge or the addresses in the spec, or remove what is in the way.',
  },
  'network.in-use': {
    title: 'A network cannot be changed while machines are connected to it.',
    when: 'A finding of the plan: the change needs a restart of the network, and running machines would lose it.',
    hint: 'Ask for it with `--restart-network NAME`, or shut the machines down first.',
  },
  'network.rules-failed': {
    title: 'The forwarding rules of a network could not be put into force.',
    when: '`nft` or `iptables` of the host refuses them. What was in force before is in force still.',
    hint: 'See what is missing on the host: vmwright host check.',
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
  'vm.elsewhere': {
    title: 'A machine is on another host than the spec says.',
    when: 'A finding of the plan: an instance exists on a host that it is not to be on, or on two hosts.',
    hint: 'Let the spec say where it is, or remove the one that is not wanted.',
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
  'vm.exists': {
    title: 'There is a machine of that name already.',
    when: 'A machine was to be made under a name that is taken.',
    hint: 'Choose another name, or remove that machine first.',
  },
  'disk.in-use': {
    title: 'Something rests on that file.',
    when: 'A snapshot, a source of forks or a disk was to be removed while others are made on it.',
    hint: 'Remove what rests on it first; the message names it.',
  },
  'fork.unsupported': {
    title: 'Machines cannot be forked there.',
    when: 'The hypervisor, the firmware, a disk or a device of the machine does not allow it.',
    hint: 'The message says why. `vmwright fork --cold` clones instead.',
  },
  'fork.failed': {
    title: 'A fork did not become a machine of its own.',
    when: 'It did not take its new name, keys or address, or does not answer.',
    hint: 'It was removed again. Look at whether the guest agent runs in the machine that was forked.',
  },
} as const satisfies Record<string, ErrorEntry>
