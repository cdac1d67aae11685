import { seedDigest } from '../cloudinit/seed-digest.ts'
import { canonicalJson, sha256Hex } from '../lib/hash.ts'
import type { SecretRef } from '../lib/secret.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { layersLayout } from './keys.ts'
import type { LayerInputs } from './layers.ts'

/**
 * What the layers of this guest depend on, from the spec and from what was found of its base and phases. `base` is
 * `image:<digest>` or `template:<content identity>`: what its disks really are made of.
 *
 * Snapshots never leave their machine, so its own name and addresses may count: they are the same in each run, and
 * when somebody changes them, a machine that was told the old ones is not what a cold run would make.
 */
export const layerInputsOf = (
  instance: InstanceSpec,
  base: string,
  phases: LayerInputs['phases'],
): LayerInputs => ({
  layout: layersLayout,
  base,
  hardware: hardwareOf(instance),
  identity: identityOf(instance),
  connection: instance.lifecycle.connection.kind,
  login: loginOf(instance),
  platform: instance.matrix?.platform,
  target: instance.matrix?.target,
  phases,
  variables: instance.lifecycle.variables,
  environment: instance.lifecycle.environment,
  secrets: Object.fromEntries(
    Object.entries(instance.lifecycle.secrets).map(([name, secret]) => [name, referenceOf(secret)]),
  ),
})

/**
 * The hardware that a guest can see. Not: MACs and addresses (they are part of what the guest is told), pools and
 * hosts, how disks share blocks, the bus of the seed.
 */
function hardwareOf(instance: InstanceSpec): LayerInputs['hardware'] {
  const { processor, source, interfaces } = instance
  const unset = 'the default'
  return {
    memory: `${instance.memoryMib} MiB`,
    vcpus: instance.vcpus,
    sockets: instance.singleSocket ? 'one' : 'each vCPU',
    architecture: processor?.architecture ?? unset,
    cpu: processor?.model ?? unset,
    emulator: processor?.emulator ?? unset,
    // Of a clone these are the template's, and counted with it.
    ...(source.kind === 'image'
      ? {
          machine: instance.machine,
          firmware: instance.firmware,
          'secure boot': instance.secureBoot,
          'root disk': `${instance.rootDisk.sizeMib} MiB ${instance.rootDisk.format}`,
        }
      : { 'root disk': `${instance.rootDisk.sizeMib} MiB` }),
    ...Object.fromEntries(
      instance.extraDisks.map(({ device, sizeMib, format }) => [
        `disk ${device}`,
        `${sizeMib} MiB ${format}`,
      ]),
    ),
    // A restored machine has the network cards that it had: on another network it would be in the wrong place.
    ...Object.fromEntries(
      interfaces.map(({ network, vlan }, index) => [
        `interface ${index}`,
        vlan === undefined ? network : `${network} vlan ${vlan}`,
      ]),
    ),
  }
}

/** What the machine is told at its creation; keys and ids that are new with each machine have no part in the spec. */
function identityOf(instance: InstanceSpec): string {
  const { source, hyperv, lifecycle } = instance
  return sha256Hex(
    canonicalJson({
      seed: seedDigest(instance),
      customise: source.kind === 'image' ? source.customise : undefined,
      network: source.kind === 'template' ? [source.network, source.interfaces, source.renderer] : undefined,
      // The other choice leaves a file behind that this one must not find.
      cloudInit: lifecycle.cloudInit === 'every-boot' ? lifecycle.cloudInit : undefined,
      os: hyperv?.os,
      domain: hyperv?.domainJoin && {
        ...hyperv.domainJoin,
        password: referenceOf(hyperv.domainJoin.password),
      },
    }),
  )
}

const loginOf = ({ lifecycle: { connection }, cloudInit }: InstanceSpec): string | undefined =>
  connection.kind === 'agent' ? undefined : (connection.user ?? cloudInit.user.name)

/** Where a secret comes from; of one that stands in the spec only that it does, since a digest of it could be guessed. */
function referenceOf(secret: SecretRef): string {
  switch (secret.kind) {
    case 'env':
      return `env:${secret.name}`
    case 'file':
      return `file:${secret.path}`
    case 'literal':
      return 'literal'
  }
}
