import { ProvisionError } from '../../../lib/errors.ts'
import type { Progress } from '../../../lib/progress.ts'
import type { HostShell } from '../host-shell.ts'

/**
 * Takes the right to write from everybody. libvirt changes the owner of the disks that it opens, never their mode, so
 * QEMU (which has not root's power over modes even where it runs as root) cannot open them for writing any more.
 *
 * What the mode was is recorded on the host, not in the file (extended attributes need a package that is often
 * missing, and do not survive every copy): one file for each protected one, named by device and inode, with mode and
 * path, written before the mode is changed. Safe to repeat: a record that exists is kept.
 */
export const protectFiles = (shell: HostShell, progress: Progress, paths: readonly string[]): Promise<void> =>
  change(shell, progress, 'protect', paths)

/** Gives the recorded mode back. A file that was made writable or replaced meanwhile is left as it is. */
export const releaseFiles = (shell: HostShell, progress: Progress, paths: readonly string[]): Promise<void> =>
  change(shell, progress, 'release', paths)

async function change(
  shell: HostShell,
  progress: Progress,
  what: 'protect' | 'release',
  paths: readonly string[],
): Promise<void> {
  if (paths.length === 0) return
  const { exitCode, stderr } = await shell.run(progress, {
    script: what === 'protect' ? protectScript : releaseScript,
    arguments: paths,
    effect: { kind: `shell.${what}-files`, object: paths.join(', '), mutates: true },
    privileged: true,
  })
  if (exitCode === 0) return
  throw new ProvisionError('host.operation-failed', {
    message: `Could not ${what} the files of a template on host ${shell.host}: ${stderr.trim().split('\n').at(-1) || `the command ended with ${exitCode}`}`,
    details: { host: shell.host, paths },
  })
}

/** Sets `records`, and for one file `path`, `mode` and `record`. */
const common = `
LC_ALL=C; export LC_ALL
if [ "$(id -u)" = 0 ]; then records=/var/lib/vmwright/protected
else records=\${XDG_DATA_HOME:-$HOME/.local/share}/vmwright/protected; fi
look() {
  path=$(realpath -- "$1") && facts=$(stat -c '%a %D-%i' -- "$path") || return 1
  mode=\${facts% *} record=$records/\${facts#* }
  write=\${mode#"\${mode%???}"}
}
`

const protectScript = `${common}
umask 022; mkdir -p -- "$records" || exit 1
for file do
  look "$file" || exit 1
  case $write in *[2367]*) ;; *) continue;; esac
  if [ "$(tail -n +2 -- "$record" 2>/dev/null)" != "$path" ]; then
    printf '%s\\n%s\\n' "$mode" "$path" > "$record.new" && mv -f -- "$record.new" "$record" || exit 1
  fi
  chmod a-w -- "$path" || exit 1
done
`

const releaseScript = `${common}
for file do
  if [ ! -e "$file" ]; then continue; fi
  look "$file" || exit 1
  if [ "$(tail -n +2 -- "$record" 2>/dev/null)" != "$path" ]; then continue; fi
  case $write in *[2367]*) ;; *) chmod -- "$(head -n 1 -- "$record")" "$path" || exit 1;; esac
  rm -f -- "$record"
done
`
