import type { Carrier, Found } from './carrier.ts'
import type { Plain } from './draft.ts'
import { asFlag, asKey, asList, asPlain, asText, asTexts, type Reader, refused } from './readers.ts'
import { entriesOf } from '../spec/ansible/value.ts'

type Pick = (key: string) => Found | undefined

const flags = {
  cloud_init_disable_root: 'disableRoot',
  cloud_init_manage_etc_hosts: 'manageEtcHosts',
  cloud_init_package_reboot_if_required: 'packageRebootIfRequired',
} as const

/** What was done when nothing was set, where the spec's own default is another. */
const builtins = [
  ['cloud_init_ssh_password_auth', 'sshPasswordAuth', true],
  ['cloud_init_package_update', 'packageUpdate', true],
  ['cloud_init_package_upgrade', 'packageUpgrade', true],
] as const

/**
 * `cloudInit` of `defaults` or of one instance. `pick` finds a setting by its name without `kvm_default_`; `owner`
 * becomes part of the names of environment variables for passwords.
 */
export function carryCloudInit(carrier: Carrier, at: readonly string[], pick: Pick, owner: string): void {
  const to = [...at, 'cloudInit']
  const isDefault = owner === 'defaults'
  carryUser(carrier, to, pick, owner)
  for (const [key, field, fallback] of builtins) {
    const setting = pick(key)
    if (setting !== undefined) carrier.carry([...to, field], setting, asFlag)
    else if (isDefault) carrier.builtin([...to, field], fallback, `kvm_default_${key}`)
  }
  for (const [key, field] of Object.entries(flags)) carrier.carry([...to, field], pick(key), asFlag)
  carrier.carry([...to, 'timezone'], pick('cloud_init_timezone'), asText)
  const locale = pick('cloud_init_locale')
  if (locale !== undefined) carrier.carry([...to, 'locale'], locale, asText)
  else if (isDefault) carrier.builtin([...to, 'locale'], 'en_US.UTF-8', 'kvm_default_cloud_init_locale')
  carrier.carry([...to, 'apt'], pick('cloud_init_apt_config'), asPlain)
  carrier.carry([...to, 'packages'], pick('cloud_init_packages'), asTexts, someOf)
  carrier.carry([...to, 'bootcmd'], pick('cloud_init_bootcmd'), asCommands, someOf)
  carrier.carry([...to, 'runcmd'], pick('cloud_init_runcmd'), asCommands, someOf)
  carrier.carry([...to, 'writeFiles'], pick('cloud_init_write_files'), asList(asFile), someOf)
  const message = pick('cloud_init_final_message')
  if (message !== undefined) carrier.carry([...to, 'finalMessage'], message, asText)
  else if (isDefault) {
    const text = 'IDOPS CLOUD-INIT FINISHED AT $TIMESTAMP'
    carrier.builtin([...to, 'finalMessage'], text, 'kvm_default_cloud_init_final_message')
  }
}

/** An empty list is the default anyway. */
const someOf = <T extends Plain>(items: readonly T[]): readonly T[] | undefined =>
  items.length === 0 ? undefined : items

const asCommands: Reader<readonly Plain[]> = asList<Plain>((value, ask) =>
  value.kind === 'list' ? asTexts(value, ask) : asText(value, ask),
)

const fileKeys: Readonly<Record<string, Reader<Plain>>> = {
  path: asText,
  content: (value, ask) => (value.kind === 'file' ? { file: value.path } : contentOf(value, ask)),
  owner: asText,
  permissions: asText,
  append: asFlag,
  defer: asFlag,
}

const contentOf: Reader<string> = (value, ask) =>
  value.kind === 'scalar' && value.value !== null ? String(value.value) : refused(value, ask, 'a text')

const asFile: Reader<Plain> = (value, ask) => {
  if (value.kind !== 'map') return refused(value, ask, 'a mapping with path and content')
  const file: Record<string, Plain> = {}
  for (const [key, inner] of entriesOf(value)) {
    const reader = fileKeys[key]
    const read = reader === undefined ? refused(inner, ask, `known here (${key})`) : reader(inner, ask)
    if (read !== undefined) file[key] = read
  }
  return file
}

function carryUser(carrier: Carrier, to: readonly string[], pick: Pick, owner: string): void {
  const user = [...to, 'user']
  const isDefault = owner === 'defaults'
  // The user of all instances is that of the images, because the profile went before the default.
  if (!isDefault) carrier.carry([...user, 'name'], pick('cloud_init_user'), asText)
  const variable = isDefault ? '' : `_${owner.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')}`
  const password = pick('cloud_init_plain_password')
  carrier.secret([...user, 'password'], password, `VM_PASSWORD${variable}`)
  if (password === undefined && isDefault) {
    carrier.builtin([...user, 'password'], { env: 'VM_PASSWORD' }, 'kvm_default_cloud_init_plain_password')
    carrier.notes.add(
      'decided',
      undefined,
      'no password is set, and the old default is known to everybody: export VM_PASSWORD before `apply`, or remove `password` and `sshPasswordAuth`',
    )
  }
  carrier.secret([...to, 'rootPassword'], pick('cloud_init_root_plain_password'), `ROOT_PASSWORD${variable}`)
  carrier.carry([...user, 'sudo'], pick('cloud_init_user_sudo_rule'), asText)
  carrier.carry([...user, 'sshKeys'], pick('cloud_init_ssh_public_keys'), asList(asKey), someOf)
}
