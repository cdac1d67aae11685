import type { ErrorEntry } from './entry.ts'

/** Errors of waiting for guests. */
export const guestErrors = {
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
  'guest.file-missing': {
    title: 'A file is not in the guest.',
    when: 'A file to be fetched does not exist there, or cannot be read by the user.',
    hint: 'Look at the path and the `user` of the step; `optional: true` goes on without it.',
  },
  'guest.command-failed': {
    title: 'A command in the guest failed.',
    when: 'A step of a phase, or a command of vmwright itself, ended with another exit code than was expected.',
    hint: 'The log of the phase has all that it printed.',
  },
  'guest.connection-unsupported': {
    title: 'The guest cannot be worked on that way.',
    when: 'The kind of connection cannot do what is asked, or there is no client for it.',
    hint: 'Choose another `lifecycle.connection.kind`.',
  },
  'guest.not-distinct': {
    title: 'Guests share what each should have for itself.',
    when: '`vmwright audit` found two with the same MAC, address, machine-id, host key or hostname.',
    hint: 'Make the later one anew, or give it an identity of its own.',
  },
} as const satisfies Record<string, ErrorEntry>
