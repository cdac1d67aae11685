import { canonicalJson, sha256Hex } from '../lib/hash.ts'
import type { SecretRef } from '../lib/secret.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { withoutSecrets } from './merge.ts'

/**
 * SHA-256 (hex) over what the spec says that ends up in the seed, to see whether it changed since an instance was
 * made. Secrets count as where they come from, not as their values (a password given in the spec counts only as being
 * there), and neither generated keys nor sizes, CPUs, pools or host count. It depends on the spec alone, not on how
 * this version renders it, so that an upgrade of the program changes nothing.
 */
export function seedDigest(instance: InstanceSpec): string {
  const { cloudInit } = instance
  return sha256Hex(
    canonicalJson({
      name: instance.name,
      // What the host leases is not told to the guest.
      interfaces: instance.interfaces.map((nic) => ({ ...nic, network: undefined, leases: undefined })),
      mounts: instance.extraDisks.flatMap(({ device, mount }) =>
        mount === undefined ? [] : [{ device, ...mount }],
      ),
      cloudInit: {
        ...cloudInit,
        user: {
          ...cloudInit.user,
          password: reference(cloudInit.user.password),
          hashedPassword: reference(cloudInit.user.hashedPassword),
        },
        rootPassword: reference(cloudInit.rootPassword),
        raw: withoutSecrets(cloudInit.raw),
      },
    }),
  )
}

function reference(secret: SecretRef | undefined): string | undefined {
  switch (secret?.kind) {
    case undefined:
      return undefined
    case 'env':
      return `env:${secret.name}`
    case 'file':
      return `file:${secret.path}`
    case 'literal':
      return 'literal'
  }
}
