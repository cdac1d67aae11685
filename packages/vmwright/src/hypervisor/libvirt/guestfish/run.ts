import type { FileChange } from '../../disks.ts'
import type { Guestfish } from './conversation.ts'

/** A command of the changes that ended otherwise than by `exit 0`. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
  readonly title: string
  readonly status: number
  readonly lastLines: readonly string[]

  constructor(title: string, status: number, lastLines: readonly string[]) {
    super(`${title} ended with status ${status}`)
    this.title = title
    this.status = status
    this.lastLines = lastLines
  }
}

type Run = Extract<FileChange, { kind: 'run' }>

/** For people: what the change says of itself, or the first line of its command. */
export const titleOf = ({ title, command }: Run): string =>
  title ?? `run \`${command.trim().split('\n', 1)[0] ?? ''}\``

/**
 * Runs a command in the mounted system by way of a script there, because a line of guestfish is short. libguestfs
 * itself mounts `/proc`, `/sys` and `/dev` for it, and puts a resolv.conf in the place of the guest's until it ends.
 * Throws `CommandFailed`.
 */
export async function runCommand(
  guestfish: Guestfish,
  change: Run,
  write: (path: string, content: string) => Promise<void>,
): Promise<void> {
  await write(scriptPath, `${change.command}\n`)
  const lines = await guestfish.ask('sh', frame)
  const last = lines.findLastIndex((line) => line.startsWith('status '))
  const status = Number(lines[last]?.slice('status '.length) ?? 1)
  if (status === 0) return
  const said = lines.slice(0, Math.max(0, last)).filter((line) => line.trim() !== '')
  throw new CommandFailed(titleOf(change), status, said)
}

const scriptPath = '/.vmwright-run'

/**
 * Constant. Around each command: it is asked nothing, starts no services (dpkg asks policy-rc.d, systemctl sees the
 * chroot for itself), and what it leaves running is ended, because it would keep the file systems mounted.
 */
const frame = `
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
cd /
policy=/usr/sbin/policy-rc.d
if [ -d /etc/dpkg ] && [ ! -e $policy ]; then
  printf '#!/bin/sh\\nexit 101\\n' >$policy
  chmod 755 $policy
else
  policy=
fi
/bin/sh ${scriptPath} </dev/null >/.vmwright-output 2>&1
status=$?
for process in /proc/[0-9]*; do
  id=\${process#/proc/}
  [ $id = $$ ] || ! [ $process/root -ef / ] || kill -9 $id
done 2>/dev/null
tail -n 12 /.vmwright-output | cut -c 1-400
rm -f ${scriptPath} /.vmwright-output $policy
printf '\\nstatus %s\\n' $status`
