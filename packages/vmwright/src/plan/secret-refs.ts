import type { SecretRef } from '../lib/secret.ts'
import type { InstanceSpec } from '../spec/resolved.ts'

/**
 * The secrets that an instance gets by its seed or, customised, on its disk, where only root has a password. A hash
 * that is given makes the password unneeded.
 */
export const secretRefsOf = ({
  source,
  cloudInit: { user, rootPassword },
}: InstanceSpec): readonly SecretRef[] => {
  const isCustomised = source.kind === 'image' && source.customise !== undefined
  return [isCustomised ? undefined : (user.hashedPassword ?? user.password), rootPassword].filter(
    (ref) => ref !== undefined,
  )
}
