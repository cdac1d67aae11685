import * as z from 'zod'
import { fault, field, key, localPath, required, text } from './field.ts'
import { instanceDefaultsDocument, instanceGroupDocument, type instanceOverrideDocument } from './instance.ts'
import { hostInventoryDocument } from './host-inventory.ts'
import { budgetDocument, lifecycleDocument } from './lifecycle.ts'
import { matrixDocument } from './matrix.ts'
import { networkDocument } from './networks.ts'
import { hostDocument, imageDocument, imagePolicyDocument } from './places.ts'
import { poolDocument } from './pools.ts'
import { cloningDocument, templateDocument } from './templates.ts'

const scalar = z.union([z.string(), z.number(), z.boolean()], {
  error: () => fault('must be a text, a number or `true`/`false`'),
})

const variableDocument = z.union(
  [
    scalar,
    z.strictObject({
      type: field(z.enum(['string', 'integer', 'boolean']), 'Type of the value.', {
        default: 'that of `default`, else `string`',
        example: 'integer',
      }),
      default: field(scalar, 'Value when none is given.', {
        default: 'none: a value must be given',
        example: 2,
      }),
      description: field(text(), 'What it is for; shown when it is missing.', {
        example: 'Number of web servers',
      }),
    }),
  ],
  { error: () => fault('must be a value, or a mapping with `type`, `default` and `description`') },
)

/**
 * A vmwright.yaml as it is written: before variables, includes, expansion of groups and defaults. The texts here
 * are the reference: `docs/reference/spec.md` and the JSON Schema are made from them.
 */
export const specDocument = z.strictObject({
  version: required(
    z.literal(1, {
      error: () => fault('must be `1`', 'This is the version of the format; there is only one.'),
    }),
    'Version of this format.',
    { example: 1 },
  ),
  project: required(
    z.string({ error: () => fault('must be a text') }).regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
      error: () => fault('is not a project name', 'Use lower-case letters, digits and `-`, at most 63.'),
    }),
    'Name of the project. All that is made on a host is marked with it, so it must not change.',
    { example: 'shop' },
  ),
  include: field(
    z.array(localPath()),
    'Files of the same form, relative to this one. This file wins over them, a later one over an earlier; mappings are merged, lists replaced.',
    { default: '`[]`', example: ['common.yaml'] },
  ),
  variables: field(
    z.record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]*$/, {
        error: () =>
          fault('is not a variable name', 'Use letters, digits, `_` and `-`, beginning with a letter.'),
      }),
      variableDocument,
    ),
    'Values given with `--var name=value` or `--var-file`, used as `${name}` in any text below. A text that is exactly `${name}` takes the type of the variable; `$${` is a literal `${`.',
    {
      default: '`{}`',
      example: { webServers: { type: 'integer', default: 2, description: 'Number of web servers' } },
    },
  ),
  hosts: field(z.record(key(), hostDocument), 'Hypervisor hosts, by a name of your own.', {
    default: '`local: { uri: qemu:///system }`',
    example: { rack1: { uri: 'qemu+ssh://root@rack1/system' } },
  }),
  hostInventory: field(
    hostInventoryDocument,
    'Further hosts, by the names that an Ansible inventory has for them. Fields of [`hosts.<name>`](#hostsname) that are other for one of them stand there in its variable `vmwright`, a mapping, or in `vmwright_image_cache` and so on.',
    {
      default: 'none',
    },
  ),
  images: field(
    z.record(key(), imageDocument),
    'Images beyond the catalogue; an entry with the key of the catalogue changes that one.',
    {
      default: 'the catalogue: `debian-12`, `debian-13`, `ubuntu-24.04`',
      example: { 'debian-12': { version: '20250316-2053' } },
    },
  ),
  templates: field(
    z.record(key(), templateDocument),
    'Machines on the hosts that instances are cloned of, by a name of your own.',
    { default: '`{}`', example: { 'debian-trixie': { domain: 'debian-trixie-template' } } },
  ),
  cloning: field(cloningDocument, 'How clones are made.'),
  networks: field(z.record(key(), networkDocument), 'Networks on the hosts.', {
    default: '`default: { use: default }`',
    example: { lan: { mode: 'nat', ipv4: { address: '10.10.0.1/24', dhcp: true } } },
  }),
  pools: field(z.record(key(), poolDocument), 'Storage pools on the hosts, for the disks of instances.', {
    default:
      '`instances: { path: /var/lib/libvirt/images/vmwright/instances }`; for a session URI in the data folder of the user',
    example: { fast: { path: '/srv/nvme/vms' } },
  }),
  imagePolicy: field(imagePolicyDocument, 'How the image cache behaves.'),
  defaults: field(
    instanceDefaultsDocument,
    'Settings of all instances. Order: built in, `defaults`, the image or template, the group, its `overrides`; mappings are merged, lists replaced.',
  ),
  instances: field(z.record(key(), instanceGroupDocument), 'Instances, by name or by name of a group.', {
    default: '`{}`',
    example: { web: { image: 'debian-12' } },
  }),
  matrix: field(matrixDocument, 'Instances put together from platforms and targets.', { default: 'none' }),
  lifecycle: field(
    lifecycleDocument,
    'Lifecycle of all instances, below that of `defaults`: what `vmwright run` does.',
  ),
  budget: field(budgetDocument, 'How much the guests of `vmwright run` may have at once.'),
})

export type SpecDocument = z.infer<typeof specDocument>
export type GroupDocument = z.infer<typeof instanceGroupDocument>
export type InstanceDocument = z.infer<typeof instanceOverrideDocument>
export type InterfaceDocument = NonNullable<InstanceDocument['interfaces']>[number]
export type HostDocument = z.infer<typeof hostDocument>
export type HostInventoryDocument = z.infer<typeof hostInventoryDocument>
export type NetworkDocument = z.infer<typeof networkDocument>
export type PoolDocument = z.infer<typeof poolDocument>
export type CustomiseDocument = NonNullable<InstanceDocument['customise']>
export type ImageDocument = z.infer<typeof imageDocument>
export type TemplateDocument = z.infer<typeof templateDocument>
export type LifecycleDocument = z.infer<typeof lifecycleDocument>
export type MatrixDocument = z.infer<typeof matrixDocument>
export type CloudInitDocument = NonNullable<InstanceDocument['cloudInit']>
