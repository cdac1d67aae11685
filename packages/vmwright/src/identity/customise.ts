import type { FileChange } from '../hypervisor/disks.ts'
import { Secret } from '../lib/secret.ts'
import type { CustomiseSpec } from '../spec/resolved-places.ts'
import { certificateChanges } from './certificates.ts'
import { type NewIdentity, ownAccess, ownNames, write } from './changes.ts'
import { packageChanges } from './packages.ts'

export interface Customisation extends Omit<NewIdentity, 'guestNetwork' | 'authorizedKeys'> {
  readonly customise: CustomiseSpec
  /** Public keys for root besides those of `customise`. */
  readonly ownKeys: readonly string[]
  /** crypt(3) form; `undefined`: the image's own, which usually lets nobody in. */
  readonly rootPasswordHash: Secret | undefined
}

/**
 * K7. All that is done to the disk of an image, so that it is the machine of the spec at its first boot, without
 * cloud-init: names, trust, packages, then how it is reached (packages may have brought SSH or a network of their
 * own), then the commands, which have the last word. Pure, and the same input gives the same changes.
 */
export const customiseChanges = (wanted: Customisation): readonly FileChange[] => {
  const { customise, instance } = wanted
  const { network, interfaces } = customise
  return [
    ...ownNames(wanted),
    ...certificateChanges(customise.certificates),
    ...packageChanges(customise),
    ...ownAccess({
      ...wanted,
      instance: { ...instance, cloudInit: asRoot(instance.cloudInit) },
      guestNetwork: { network, interfaces, renderer: 'networkd' },
      authorizedKeys: [...wanted.ownKeys, ...customise.rootKeys],
    }),
    rootLogin,
    ...passwordChanges(wanted.rootPasswordHash),
    // What was written without SELinux has no labels; such a system makes them at its first boot, and boots again.
    write('/.autorelabel', '', { onlyIf: '/etc/selinux/targeted' }),
    ...customise.commands.map((command): FileChange => ({ kind: 'run', command })),
  ]
}

const asRoot = (cloudInit: NewIdentity['instance']['cloudInit']): NewIdentity['instance']['cloudInit'] => ({
  ...cloudInit,
  user: { ...cloudInit.user, name: 'root' },
  disableRoot: false,
})

/** OpenSSH's default, in case the image has another. sshd takes the first value that it reads, and reads these first. */
const rootLogin = write('/etc/ssh/sshd_config.d/00-vmwright.conf', 'PermitRootLogin prohibit-password\n', {
  onlyIf: '/etc/ssh/sshd_config.d',
})

const passwordFile = '/.vmwright-root-password'

const passwordChanges = (hash: Secret | undefined): readonly FileChange[] =>
  hash === undefined
    ? []
    : [
        write(passwordFile, new Secret(`root:${hash.reveal()}\n`), { mode: 0o600 }),
        {
          kind: 'run',
          title: "set root's password",
          command: `chpasswd -e <${passwordFile}\nstatus=$?\nrm -f ${passwordFile}\nexit $status`,
        },
      ]
