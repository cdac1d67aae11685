import type { SecretRef } from '../lib/secret.ts'

export interface CloudInitSpec {
  readonly user: {
    readonly name: string
    readonly password: SecretRef | undefined
    /** crypt(3) form: `$6$…`, `$y$…`. */
    readonly hashedPassword: SecretRef | undefined
    readonly sudo: string
    readonly shell: string
    readonly groups: readonly string[]
    /** Public keys, `ssh-ed25519 AAAA… comment`. */
    readonly sshKeys: readonly string[]
  }
  /** Inject the key of the person who runs vmwright too, so that `vmwright ssh` works without set-up. */
  readonly injectOwnKey: boolean
  readonly rootPassword: SecretRef | undefined
  readonly sshPasswordAuth: boolean
  readonly disableRoot: boolean
  readonly manageEtcHosts: boolean
  readonly timezone: string
  readonly locale: string
  readonly packageUpdate: boolean
  readonly packageUpgrade: boolean
  readonly packageRebootIfRequired: boolean
  /** As cloud-init's `apt` key; `undefined` leaves the image's own. */
  readonly apt: Readonly<Record<string, unknown>> | undefined
  readonly packages: readonly string[]
  readonly bootcmd: readonly (string | readonly string[])[]
  readonly runcmd: readonly (string | readonly string[])[]
  readonly writeFiles: readonly WriteFileSpec[]
  readonly finalMessage: string
  /** Seconds; `undefined` leaves the image's own. */
  readonly networkdWaitOnlineSeconds: number | undefined
  /** Anything cloud-init knows, merged over the rest. */
  readonly raw: Readonly<Record<string, unknown>>
}

export interface WriteFileSpec {
  readonly path: string
  readonly content: string
  readonly owner: string
  readonly permissions: string
  readonly append: boolean
  readonly defer: boolean
}
