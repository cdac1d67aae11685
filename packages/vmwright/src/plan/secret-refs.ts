import type { SecretRef } from '../lib/secret.ts'
import type { InstanceSpec } from '../spec/resolved.ts'

/** The secrets that the seed of an instance holds. A hash that is given makes the password unneeded. */
export const secretRefsOf = ({ cloudInit: { user, rootPassword } }: InstanceSpec): readonly SecretRef[] =>
  [user.hashedPassword ?? user.password, rootPassword].filter((ref) => ref !== undefined)
