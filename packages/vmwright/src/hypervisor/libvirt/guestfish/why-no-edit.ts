import type { Progress } from '../../../lib/progress.ts'
import type { HostShell } from '../host-shell.ts'

/**
 * What keeps libguestfs from working on the host, as a sentence; `undefined`: nothing that can be seen without
 * starting it. One command, no mutation.
 *
 * Its appliance boots a kernel of the host: one in `/boot` or with its modules, readable, that has modules
 * (supermin, `ext2_kernel.ml`).
 */
export async function whyNoEdit(shell: HostShell, progress: Progress): Promise<string | undefined> {
  const { exitCode, stdout, stderr } = await shell.run(progress, {
    script,
    effect: { kind: 'shell.find-libguestfs', object: shell.host, mutates: false },
    privileged: true,
  })
  if (exitCode === 0) return sentences[stdout.trim()]
  return `no command can be run there: ${stderr.trim().split('\n').at(-1) ?? ''}`
}

const script = `
command -v guestfish >/dev/null || { echo no-guestfish; exit; }
[ -z "$SUPERMIN_KERNEL" ] || exit 0
for modules in /lib/modules/*/; do
  version=$(basename "$modules")
  for kernel in "/boot/vmlinuz-$version" "/boot/vmlinux-$version" "\${modules}vmlinuz"; do
    [ ! -r "$kernel" ] || exit 0
  done
done
echo no-kernel`

const sentences: Readonly<Record<string, string>> = {
  'no-guestfish':
    'guestfish is not installed; its package is libguestfs-tools on Debian and Ubuntu, guestfs-tools on Fedora',
  'no-kernel':
    'libguestfs needs a Linux kernel to start, and there is none in /boot: install linux-image-cloud-amd64 on Debian, linux-image-virtual on Ubuntu',
}
