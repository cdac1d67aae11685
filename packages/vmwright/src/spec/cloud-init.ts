import type { CloudInitDocument } from '@vmwright/contract'
import type { Member } from './groups.ts'
import { readPublicKeys } from './public-keys.ts'
import { toMs } from './quantity.ts'
import type { Report } from './report.ts'
import type { CloudInitSpec, WriteFileSpec } from './resolved-cloud-init.ts'
import { type SecretDocument, secretRef } from './secret-ref.ts'
import { fileText, type TextContext } from './texts.ts'

/** What cloud-init meets in the guest. */
export interface GuestSystem {
  readonly user: string
  /** People can log in without what cloud-init does: a template has its own users. */
  readonly hasLogin: boolean
  readonly isWindows: boolean
}

export const defaultFinalMessage = 'vmwright: cloud-init finished at $timestamp after $uptime seconds'

export function resolveCloudInit(member: Member, system: GuestSystem, context: TextContext): CloudInitSpec {
  const document = member.settings.cloudInit ?? {}
  const user = document.user ?? {}
  const { password, hashedPassword } = resolvePasswords(user, member, context)
  const packages = document.packages ?? []
  const spec: CloudInitSpec = {
    user: {
      name: user.name ?? system.user,
      password,
      hashedPassword,
      sudo:
        user.sudo ??
        ((password ?? hashedPassword) === undefined ? 'ALL=(ALL) NOPASSWD:ALL' : 'ALL=(ALL) ALL'),
      shell: user.shell ?? '/bin/bash',
      groups: user.groups ?? ['sudo'],
      sshKeys: readPublicKeys(user.sshKeys ?? [], member.layers, ['cloudInit', 'user', 'sshKeys'], context),
    },
    injectOwnKey: document.injectOwnKey ?? true,
    rootPassword:
      document.rootPassword === undefined
        ? undefined
        : secretRef(document.rootPassword, member.layers, ['cloudInit', 'rootPassword'], context),
    sshPasswordAuth: document.sshPasswordAuth ?? false,
    disableRoot: document.disableRoot ?? true,
    manageEtcHosts: document.manageEtcHosts ?? true,
    timezone: document.timezone ?? 'UTC',
    locale: document.locale ?? 'C.UTF-8',
    packageUpdate: document.packageUpdate ?? packages.length > 0,
    packageUpgrade: document.packageUpgrade ?? false,
    packageRebootIfRequired: document.packageRebootIfRequired ?? false,
    apt: document.apt,
    packages,
    bootcmd: document.bootcmd ?? [],
    runcmd: document.runcmd ?? [],
    writeFiles: (document.writeFiles ?? []).map((file, index) => resolveFile(file, index, member, context)),
    finalMessage: document.finalMessage ?? defaultFinalMessage,
    networkdWaitOnlineSeconds:
      document.networkdWaitOnline === undefined ? undefined : toMs(document.networkdWaitOnline) / 1000,
    raw: document.raw ?? {},
  }
  if (!system.isWindows && !/^[a-z_][a-z0-9_-]{0,31}$/.test(spec.user.name)) {
    context.report.within(
      member.layers,
      ['cloudInit', 'user', 'name'],
      'is not a user name',
      'Use lower-case letters, digits, `_` and `-`, at most 32.',
    )
  }
  checkLogin(spec, system, member, context.report)
  return spec
}

type User = NonNullable<CloudInitDocument['user']>

/** One of the two at most: a kind of password in a stronger layer replaces the other kind in a weaker one. */
function resolvePasswords(
  user: User,
  member: Member,
  context: TextContext,
): Pick<CloudInitSpec['user'], 'password' | 'hashedPassword'> {
  const { report } = context
  const strengthOf = (kind: 'password' | 'hashedPassword'): number =>
    member.layers.findIndex((layer) => report.find([layer], ['cloudInit', 'user', kind]) !== undefined)
  const secret = (document: SecretDocument | undefined, kind: 'password' | 'hashedPassword') =>
    document === undefined
      ? undefined
      : secretRef(document, member.layers, ['cloudInit', 'user', kind], context)
  const plain = user.password === undefined ? Infinity : strengthOf('password')
  const hashed = user.hashedPassword === undefined ? Infinity : strengthOf('hashedPassword')
  if (plain === hashed && plain !== Infinity) {
    report.within(
      member.layers,
      ['cloudInit', 'user', 'hashedPassword'],
      'cannot stand beside `password`',
      'Remove one of the two.',
    )
  }
  return {
    password: plain <= hashed ? secret(user.password, 'password') : undefined,
    hashedPassword: hashed <= plain ? secret(user.hashedPassword, 'hashedPassword') : undefined,
  }
}

function resolveFile(
  file: NonNullable<CloudInitDocument['writeFiles']>[number],
  index: number,
  member: Member,
  context: TextContext,
): WriteFileSpec {
  const at = ['cloudInit', 'writeFiles', index, 'content', 'file']
  return {
    path: file.path,
    content:
      typeof file.content === 'string'
        ? file.content
        : (fileText(file.content.file, member.layers, at, context) ?? ''),
    owner: file.owner ?? 'root:root',
    permissions: file.permissions ?? '0644',
    append: file.append ?? false,
    defer: file.defer ?? false,
  }
}

function checkLogin(
  { user, ...spec }: CloudInitSpec,
  system: GuestSystem,
  { layers }: Member,
  report: Report,
): void {
  const hash = user.hashedPassword
  if (hash?.kind === 'literal' && !/^\$[0-9a-z]+\$[\x21-\x7e]{8,}$/.test(hash.value.reveal())) {
    report.within(
      layers,
      ['cloudInit', 'user', 'hashedPassword'],
      'is not a crypt(3) hash',
      'Make one with `openssl passwd -6`; a password in clear belongs to `password`.',
    )
  }
  const hasPassword = user.password !== undefined || user.hashedPassword !== undefined
  if (
    spec.sshPasswordAuth &&
    !hasPassword &&
    user.sshKeys.length === 0 &&
    !report.isWrittenWithin(layers, ['cloudInit', 'user', 'password'])
  ) {
    report.within(
      layers,
      ['cloudInit', 'sshPasswordAuth'],
      'needs a password for the user',
      'Add `password: { env: NAME }` under `user`, or SSH keys.',
    )
  } else if (
    !spec.injectOwnKey &&
    !system.hasLogin &&
    !hasPassword &&
    user.sshKeys.length === 0 &&
    spec.rootPassword === undefined
  ) {
    report.within(
      layers,
      ['cloudInit', 'injectOwnKey'],
      'leaves no way to log in',
      'Give the user `sshKeys` or a password.',
      'warning',
    )
  }
}
