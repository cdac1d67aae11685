import type { Seam } from '../lib/seam.ts'

/** A new machine-id: 32 hexadecimal digits, as a random UUID (RFC 9562, version 4) without its hyphens. */
export function newMachineId(seam: Pick<Seam, 'randomBytes'>): string {
  const bytes = Uint8Array.from(seam.randomBytes(16), (byte, index) => {
    if (index === 6) return (byte & 0x0f) | 0x40
    return index === 8 ? (byte & 0x3f) | 0x80 : byte
  })
  return Buffer.from(bytes).toString('hex')
}

/**
 * For clones that get their identity by cloud-init, which leaves the template's machine-id in place: commands for the
 * head of `bootcmd`, done once for each instance (cloud-init-per keeps its mark under the instance-id).
 *
 * They run when the network is up. systemd-networkd has by then asked for a lease with a client id made of the old
 * machine-id (DUID-EN), which all clones of one template share, so that a DHCP server may give one address to all. It
 * reads the id once, so it is started again, and asks anew; what follows in the boot waits until it has an address.
 * journald is started again to write its files under the new id. D-Bus's copy, where it is one, becomes a link.
 */
export const machineIdBootcmd: readonly (readonly string[])[] = [
  [
    'cloud-init-per',
    'instance',
    'vmwright_machine_id',
    'sh',
    '-c',
    `set -e
tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
chmod 0444 /etc/machine-id
if [ -d /var/lib/dbus ]; then ln -sf /etc/machine-id /var/lib/dbus/machine-id; fi
command -v systemctl >/dev/null || exit 0
systemctl try-restart systemd-journald.service
systemctl -q is-active systemd-networkd.service || exit 0
systemctl restart systemd-networkd.service
/lib/systemd/systemd-networkd-wait-online --any -o routable --timeout=30 || true`,
  ],
]
