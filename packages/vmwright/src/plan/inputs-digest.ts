import { seedDigest } from '../cloudinit/seed-digest.ts'
import { canonicalJson, sha256Hex } from '../lib/hash.ts'
import type { VmPlan } from './vm-plan.ts'

/**
 * SHA-256 (hex) over what the spec says that a guest is told at its creation: by its seed, or by what is written
 * into its disks. Depends on the spec alone.
 */
export function inputsDigest({ instance, seed }: VmPlan): string {
  if (seed !== undefined) return seedDigest(instance)
  const { user, injectOwnKey, disableRoot, manageEtcHosts, rootPassword } = instance.cloudInit
  const guest = instance.source.kind === 'template' ? instance.source : undefined
  const customised =
    instance.source.kind === 'image' ? { customise: instance.source.customise, rootPassword } : {}
  return sha256Hex(
    canonicalJson({
      ...customised,
      name: instance.name,
      network: guest?.network,
      names: guest?.interfaces,
      renderer: guest?.renderer,
      // What the host leases is not told to the guest.
      interfaces: instance.interfaces.map((nic) => ({ ...nic, network: undefined, leases: undefined })),
      user: user.name,
      sshKeys: user.sshKeys,
      injectOwnKey,
      disableRoot,
      manageEtcHosts,
    }),
  )
}
