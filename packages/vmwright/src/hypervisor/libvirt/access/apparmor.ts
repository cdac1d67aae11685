import type { AccessReport } from '../../host-files.ts'
import type { AccessFacts } from './facts.ts'
import type { Walked } from './report.ts'

type Confined = AccessReport['confined'][number]

/**
 * What AppArmor will refuse to guests of libvirt. Each guest runs under a profile of its own that `virt-aa-helper`
 * writes at the start: files of the definition and what lies behind them, but nothing in the places that it takes
 * for the system's own (`valid_path`, src/security/virt-aa-helper.c, the same from libvirt 1.2 to 10). To see what
 * lies behind an overlay it has to read it, and its own profile keeps it out of hidden folders of homes
 * (/etc/apparmor.d/usr.lib.libvirt.virt-aa-helper). Pure.
 */
export function appArmorConfines(facts: AccessFacts, { path, need, walk }: Walked): readonly Confined[] {
  if (!confinesGuests(facts)) return []
  const real = walk.places.at(-1)?.path ?? path
  // Of a folder we know that disks in it will be written.
  const isWritten = need !== 'read'
  const within = walk.places.at(-1)?.kind === 'folder' ? `${real}/` : real
  if (isAllowedByRules(facts.apparmor?.rules ?? [], within, isWritten)) return []
  const confined = (message: string, hint: string): readonly Confined[] => [
    { path, by: 'apparmor', message, hint },
  ]
  if (real.includes('"'))
    return confined(
      `AppArmor: libvirt leaves files with a quotation mark in their path out of a guest's profile, and so ${real} is refused.`,
      'Rename it.',
    )
  const place = restricted.find((prefix) => within.startsWith(prefix))
  const isReadable = readable.some((prefix) => within.startsWith(prefix))
  if (place !== undefined && !(isReadable && !isWritten))
    return confined(
      `AppArmor: libvirt never lets guests have files under ${place}, and so ${real} is refused.`,
      `Use another folder, such as one under /var/lib/libvirt/images or /srv; or allow it in ${localRules}: "${real}${within.endsWith('/') ? '/**' : ''}" ${isWritten ? 'rwk' : 'rk'},`,
    )
  if (hiddenInHome.test(within))
    return confined(
      `AppArmor: libvirt may not read in hidden folders of homes, so it does not see what overlays in ${real} rest on, and guests are refused that.`,
      `Use a folder outside of homes; or allow what lies behind the overlays in ${localRules}.`,
    )
  return []
}

const localRules = '/etc/apparmor.d/local/abstractions/libvirt-qemu'

const restricted: readonly string[] = [
  '/bin/',
  '/boot/',
  '/etc/',
  '/initrd',
  '/lib',
  '/lost+found/',
  '/proc/',
  '/sbin/',
  '/selinux/',
  '/sys/',
  '/usr/bin/',
  '/usr/lib',
  '/usr/local/bin/',
  '/usr/local/etc/',
  '/usr/local/lib',
  '/usr/local/sbin/',
  '/usr/sbin/',
  '/usr/share/',
  '/vmlinuz',
]

/** Of these, what guests may have when they only read it. */
const readable: readonly string[] = [
  '/boot/',
  '/initrd',
  '/vmlinuz',
  '/usr/share/AAVMF/',
  '/usr/share/OVMF/',
  '/usr/share/edk2/',
  '/usr/share/ovmf/',
  '/usr/share/qemu-efi/',
  '/usr/share/qemu-efi-aarch64/',
]

const hiddenInHome = /^\/(?:root|home\/[^/]+)\/\./

/**
 * libvirt uses its AppArmor driver when the kernel has it, the daemon itself runs under an enforced profile
 * (`use_apparmor`), and qemu.conf does not choose another one.
 */
export function confinesGuests({ apparmor, securityDriver }: AccessFacts): boolean {
  if (apparmor === undefined) return false
  if (securityDriver !== undefined && !securityDriver.includes('apparmor')) return false
  return apparmor.profiles.length === 0 || apparmor.profiles.some((line) => line.endsWith('(enforce)'))
}

/** Whether a rule of the administrator names this path, or all below a folder above it (`/data/** rwk,`). */
function isAllowedByRules(rules: readonly string[], path: string, isWritten: boolean): boolean {
  return rules.some((rule) => {
    const match = /^(?:owner\s+)?("?)(\/[^"\s]*|\/[^"]*)\1\s+([a-zA-Z]+)\s*,/.exec(rule)
    if (match === null) return false
    const [, , pattern = '', rights = ''] = match
    if (!rights.includes('r') || (isWritten && !rights.includes('w'))) return false
    return pattern.endsWith('/**') ? path.startsWith(pattern.slice(0, -2)) : pattern === path
  })
}
