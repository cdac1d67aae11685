import type { AccessReport } from '../../host-files.ts'
import type { AccessFacts, Place } from './facts.ts'
import { mountOf } from './mounts.ts'
import type { Walked } from './report.ts'

type Confined = AccessReport['confined'][number]

/**
 * What SELinux will refuse to guests of libvirt, which run as `svirt_t`. libvirt gives disks and what lies behind
 * them the right labels when a guest starts, so on file systems with labels only folders matter. Network and FUSE
 * file systems have one label for all: there the policy has a boolean for each. Pure.
 */
export function selinuxConfines(facts: AccessFacts, { path, walk }: Walked): readonly Confined[] {
  const { selinux, securityDriver } = facts
  if (selinux?.enforcing !== true) return []
  if (securityDriver !== undefined && !securityDriver.includes('selinux')) return []
  const last = walk.places.at(-1)
  if (last === undefined) return []
  const { type } = mountOf(facts.mounts, last.path)
  const rule = booleans.find(({ types }) => types.test(type))
  if (rule !== undefined) {
    if (selinux.booleans.get(rule.name) === true) return []
    return [
      {
        path,
        by: 'selinux',
        message: `SELinux: guests may not use files on ${type}, and ${last.path} is on it (the boolean ${rule.name} is off).`,
        hint: `Allow it on the host: setsebool -P ${rule.name} on`,
      },
    ]
  }
  const folder = walk.places.findLast((place) => place.kind === 'folder')
  const label = folder === undefined ? undefined : typeOf(folder)
  if (folder === undefined || label === undefined || !foreign.has(label)) return []
  return [
    {
      path,
      by: 'selinux',
      message: `SELinux: the folder ${folder.path} has the label ${label}, with which guests are refused what is in it.`,
      hint: `Label it on the host: semanage fcontext -a -t virt_image_t ${quoted(`${pattern(folder.path)}(/.*)?`)} && restorecon -R ${quoted(folder.path)}`,
    },
  ]
}

const booleans: readonly { readonly name: string; readonly types: RegExp }[] = [
  { name: 'virt_use_nfs', types: /^nfs4?$/ },
  { name: 'virt_use_samba', types: /^(cifs|smb3)$/ },
  { name: 'virt_use_fusefs', types: /^fuse/ },
]

/**
 * Labels that folders get where nobody thought of guests: below `/` (`default_t`), in homes, by being moved from
 * elsewhere, on disks from systems without SELinux. Those of `/var/lib/libvirt`, `/srv`, `/mnt` and the like are let be.
 */
const foreign: ReadonlySet<string> = new Set([
  'default_t',
  'unlabeled_t',
  'file_t',
  'user_home_t',
  'admin_home_t',
  'user_tmp_t',
  'httpd_sys_content_t',
  'container_file_t',
  'samba_share_t',
])

/** `system_u:object_r:virt_image_t:s0` → `virt_image_t`. */
const typeOf = ({ label }: Place): string | undefined => label?.split(':')[2]

const pattern = (path: string): string => path.replaceAll(/[.^$*+?()[\]{}|\\]/g, '\\$&')

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
