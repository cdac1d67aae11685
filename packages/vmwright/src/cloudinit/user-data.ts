import type { InstanceSpec } from '../spec/resolved.ts'
import type { CloudInitSpec, WriteFileSpec } from '../spec/resolved-cloud-init.ts'
import { diskSetup } from './extra-disks.ts'
import { mergeDeep, withoutSecrets } from './merge.ts'
import type { GeneratedSecrets } from './render.ts'

export type CloudConfig = Readonly<Record<string, unknown>>

/**
 * The cloud-config of an instance (C7, C9, X6), with `cloudInit.raw` merged over it: mappings member by member,
 * everything else (lists too) replaced, and `null` takes a key away. Growing of the root is cloud-init's default and
 * stays so.
 */
export function userData(instance: InstanceSpec, generated: GeneratedSecrets): CloudConfig {
  const { cloudInit } = instance
  return mergeDeep(
    {
      ...identity(instance),
      ...access(cloudInit, generated),
      ...hostKeys(generated),
      ...system(cloudInit),
      ...diskSetup(instance.extraDisks),
      ...files(cloudInit),
      ...commands(cloudInit),
    },
    cloudInit.raw,
  )
}

/**
 * The cloud-config that may stay attached. It is read at every boot, but with an unchanged instance-id only the
 * modules that run always look at it (22.4: bootcmd, growpart, resizefs, update_hostname, update_etc_hosts,
 * final-message, which all find here what they found before). Should somebody make the others run again (`cloud-init
 * clean`, `cloud-init single`), they do no harm: `ssh_deletekeys: false` keeps the host keys, and because key files
 * that exist are not generated again no new ones appear; `lock_passwd` is as it was, so that a password is neither set
 * nor locked; the files of `writeFiles`, often secret, are still where the first boot put them.
 */
export function sealedUserData(instance: InstanceSpec): CloudConfig {
  const { write_files: _, ...open } = userData(instance, { hostKeys: [] })
  return { ...withoutSecrets(open), ssh_deletekeys: false }
}

const identity = ({ name, cloudInit }: InstanceSpec): CloudConfig => ({
  hostname: name,
  fqdn: name,
  manage_etc_hosts: cloudInit.manageEtcHosts,
})

/**
 * Passwords are set by hash only. `hashed_passwd` also reaches a user whom the image already has, which `passwd` does
 * not; whether there is a password is a matter of the spec, so that the sealed document says the same about locking.
 */
function access(cloudInit: CloudInitSpec, generated: GeneratedSecrets): CloudConfig {
  const { user } = cloudInit
  const keys = [...user.sshKeys, ...(generated.ownKey === undefined ? [] : [generated.ownKey])]
  return {
    ssh_pwauth: cloudInit.sshPasswordAuth,
    disable_root: cloudInit.disableRoot,
    users: [
      {
        name: user.name,
        shell: user.shell,
        ...(user.groups.length > 0 && { groups: user.groups }),
        ...(user.sudo !== '' && { sudo: user.sudo }),
        lock_passwd: user.password === undefined && user.hashedPassword === undefined,
        ...(generated.passwordHash !== undefined && { hashed_passwd: generated.passwordHash }),
        ...(keys.length > 0 && { ssh_authorized_keys: [...new Set(keys)] }),
      },
    ],
    ...(generated.rootPasswordHash !== undefined && {
      chpasswd: {
        expire: false,
        users: [{ name: 'root', password: generated.rootPasswordHash, type: 'hash' }],
      },
    }),
  }
}

/**
 * X6. With `ssh_keys` cloud-init generates no keys at all (`cc_ssh.handle`, 22.4 and 26.2 alike); without, the types
 * named here. The list may not be empty (schema: `minItems: 1`), and RSA is left out because it takes an emulated
 * guest seconds.
 */
function hostKeys({ hostKeys }: GeneratedSecrets): CloudConfig {
  const entries = hostKeys.flatMap((key) => [
    [`${key.type}_private`, key.privateKey.reveal()],
    [`${key.type}_public`, `${key.publicKey}\n`],
  ])
  return {
    ssh_deletekeys: true,
    ssh_genkeytypes: ['ed25519', 'ecdsa'],
    ...(entries.length > 0 && { ssh_keys: Object.fromEntries(entries) }),
  }
}

const system = (cloudInit: CloudInitSpec): CloudConfig => ({
  timezone: cloudInit.timezone,
  locale: cloudInit.locale,
  package_update: cloudInit.packageUpdate,
  package_upgrade: cloudInit.packageUpgrade,
  package_reboot_if_required: cloudInit.packageRebootIfRequired,
  ...(cloudInit.apt !== undefined && { apt: cloudInit.apt }),
  ...(cloudInit.packages.length > 0 && { packages: cloudInit.packages }),
})

function files(cloudInit: CloudInitSpec): CloudConfig {
  const entries = [
    ...(cloudInit.networkdWaitOnlineSeconds === undefined
      ? []
      : [waitOnlineDropIn(cloudInit.networkdWaitOnlineSeconds)]),
    ...cloudInit.writeFiles,
  ]
  return entries.length === 0 ? {} : { write_files: entries.map(writeFile) }
}

const writeFile = (file: WriteFileSpec): CloudConfig => ({
  path: file.path,
  content: file.content,
  owner: file.owner,
  permissions: file.permissions,
  ...(file.append && { append: true }),
  ...(file.defer && { defer: true }),
})

/**
 * Bounds how long a boot waits for the network. systemd has read its units when cloud-init writes this one, so it
 * counts from the second boot on; the first waits for systemd's two minutes at most.
 */
const waitOnlineDropIn = (seconds: number): WriteFileSpec => ({
  path: '/etc/systemd/system/systemd-networkd-wait-online.service.d/10-vmwright-timeout.conf',
  content: [
    '[Service]',
    'ExecStart=',
    `ExecStart=/lib/systemd/systemd-networkd-wait-online --timeout=${seconds}`,
    '',
  ].join('\n'),
  owner: 'root:root',
  permissions: '0644',
  append: false,
  defer: false,
})

const commands = (cloudInit: CloudInitSpec): CloudConfig => ({
  ...(cloudInit.bootcmd.length > 0 && { bootcmd: cloudInit.bootcmd }),
  ...(cloudInit.runcmd.length > 0 && { runcmd: cloudInit.runcmd }),
  ...(cloudInit.finalMessage !== '' && { final_message: cloudInit.finalMessage }),
})
