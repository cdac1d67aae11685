import { seedDigest } from '../cloudinit/seed-digest.ts'
import { canonicalJson, sha256Hex } from '../lib/hash.ts'
import type { VmPlan } from './vm-plan.ts'

/**
 * SHA-256 (hex) over what the spec says that a guest is told at its creation: by its seed, or by what is written
 * into its disks. Depends on the spec alone.
 */
export function inputsDigest({ instance, source }: VmPlan): string {
  if (source.kind === 'image' || source.template.spec.identity === 'cloud-init') return seedDigest(instance)
  const { user, injectOwnKey, disableRoot, manageEtcHosts } = instance.cloudInit
  const guest = instance.source.kind === 'template' ? instance.source : undefined
  return sha256Hex(
    canonicalJson({
      name: instance.name,
      network: guest?.network,
      names: guest?.interfaces,
      renderer: guest?.renderer,
      interfaces: instance.interfaces.map((nic) => ({ ...nic, network: undefined })),
      user: user.name,
      sshKeys: user.sshKeys,
      injectOwnKey,
      disableRoot,
      manageEtcHosts,
    }),
  )
}
