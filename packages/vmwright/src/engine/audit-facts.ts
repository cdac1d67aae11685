import type { Progress } from '../lib/progress.ts'
import { isSharedByNature, type AuditedKind } from './audit-compare.ts'

export type Facts = Readonly<Record<AuditedKind, readonly string[]>>

/** Runs a script of `sh` in the guest and gives back what it printed. */
export type RunInGuest = (progress: Progress, script: string) => Promise<string>

/** Each line begins with the kind that it is of. What a guest does not have, it leaves out. */
export const auditScript = `
echo "hostname $(cat /proc/sys/kernel/hostname)"
echo "machine-id $(cat /etc/machine-id)"
for key in /etc/ssh/ssh_host_*_key.pub; do
  [ -r "$key" ] && read -r type blob rest <"$key" && echo "host-key $type $blob"
done
for device in /sys/class/net/*; do
  [ -e "$device/device" ] && echo "mac $(cat "$device/address")"
done
ip -o address show scope global | while read -r number device family address rest; do echo "address \${address%/*}"; done
exit 0
`

/** Pure. */
export function parseFacts(output: string): Facts {
  const lines = output.split('\n').map((line) => line.trim())
  const of = (kind: AuditedKind): readonly string[] =>
    lines.flatMap((line) => {
      const value = line.startsWith(`${kind} `) ? line.slice(kind.length + 1).trim() : ''
      return value === '' ? [] : [value]
    })
  return {
    mac: of('mac'),
    address: of('address').filter((address) => !isSharedByNature(address)),
    'machine-id': of('machine-id'),
    'host-key': of('host-key'),
    hostname: of('hostname'),
  }
}
