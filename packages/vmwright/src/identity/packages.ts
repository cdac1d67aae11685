import type { FileChange } from '../hypervisor/disks.ts'
import { singleQuoted } from '../lib/shell.ts'
import type { CustomiseSpec } from '../spec/resolved-places.ts'

/** Packages out, then in, by whatever installs packages in the guest, asked nothing. */
export const packageChanges = ({
  remove,
  install,
}: Pick<CustomiseSpec, 'install' | 'remove'>): readonly FileChange[] => [
  ...(remove.length === 0
    ? []
    : [{ kind: 'run', title: `remove ${remove.join(', ')}`, command: removeScript(remove) } as const]),
  ...(install.length === 0
    ? []
    : [{ kind: 'run', title: `install ${install.join(', ')}`, command: installScript(install) } as const]),
]

/** Package lists are read anew: those in images are old, or not there. A configuration file that was changed stays. */
export const installScript = (packages: readonly string[]): string =>
  `set -- ${packages.map(singleQuoted).join(' ')}
${byManager({
  'apt-get': `apt-get -q update || exit
apt-get -q -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "$@" || exit
apt-get clean`,
  dnf: 'dnf -q -y install "$@" && dnf -q clean all',
  yum: 'yum -q -y install "$@" && yum -q clean all',
  zypper: 'zypper -q -n install "$@" && zypper -q clean',
  pacman: 'pacman -Sy --noconfirm --needed "$@" && rm -f /var/cache/pacman/pkg/*',
  apk: 'apk add --no-cache "$@"',
})}`

/** With their configuration, which nobody has changed yet. What is not installed is no error. */
const removeScript = (packages: readonly string[]): string =>
  `set -- ${packages.map(singleQuoted).join(' ')}
${byManager({
  'apt-get': `for name do
  shift
  if dpkg -s "$name" >/dev/null 2>&1; then set -- "$@" "$name"; fi
done
[ $# = 0 ] || apt-get -q -y purge "$@"`,
  dnf: 'dnf -q -y remove "$@"',
  yum: 'yum -q -y remove "$@"',
  zypper: `for name do
  shift
  if rpm -q "$name" >/dev/null; then set -- "$@" "$name"; fi
done
[ $# = 0 ] || zypper -q -n remove "$@"`,
  pacman: `for name do
  shift
  if pacman -Q "$name" >/dev/null 2>&1; then set -- "$@" "$name"; fi
done
[ $# = 0 ] || pacman -Rns --noconfirm "$@"`,
  apk: 'apk del "$@"',
})}`

/** In this order: where dnf is, yum is another name of it. */
function byManager(
  scripts: Readonly<Record<'apt-get' | 'dnf' | 'yum' | 'zypper' | 'pacman' | 'apk', string>>,
): string {
  const branches = Object.entries(scripts).map(
    ([program, script]) => `if command -v ${program} >/dev/null; then\n${script}\n`,
  )
  return `${branches.join('el')}else
echo 'no package manager is known in this system: apt-get, dnf, yum, zypper, pacman, apk'
exit 127
fi`
}
