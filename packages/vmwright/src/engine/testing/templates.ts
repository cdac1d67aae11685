import { addTemplate } from '../../hypervisor/fake/templates.ts'
import { createFakeWorld, type FakeWorld } from '../../hypervisor/fake/world.ts'
import { ProvisionError } from '../../lib/errors.ts'
import type { FakeSeam } from '../../lib/testing/fake-seam.ts'
import { GiB } from '../../lib/units.ts'
import type { CloneMode, CloningSpec, InstanceSpec, TemplateSpec } from '../../spec/resolved.ts'
import { cloneSpec, resolvedSpec, templateSpec } from '../../testing/specs.ts'

/** A template with three disks of two formats and clones of it, for tests. */
export const domain = 'debian-template'
export const paths = ['/srv/golden/a.qcow2', '/srv/golden/b.raw', '/srv/golden/c.qcow2']

export const clone = (
  name: string,
  mode: CloneMode = 'auto',
  more: Partial<InstanceSpec> = {},
): InstanceSpec => {
  const spec = cloneSpec(name, { snapshot: undefined, ...more })
  return { ...spec, source: { ...spec.source, clone: mode } as InstanceSpec['source'] }
}

export function specOf(
  instances: readonly InstanceSpec[],
  template: Partial<TemplateSpec> = {},
  cloning: Partial<CloningSpec> = {},
) {
  const { cloning: usual } = resolvedSpec([])
  const templates = [templateSpec(template)]
  return resolvedSpec(instances, { templates, cloning: { ...usual, ...cloning } })
}

export function worldWith(state: 'stopped' | 'running' = 'stopped'): FakeWorld {
  const world = createFakeWorld()
  const disks = paths.map((path) => ({
    path,
    format: path.endsWith('.raw') ? 'raw' : 'qcow2',
    capacityBytes: 2 * GiB,
  }))
  addTemplate(world, { name: domain, state, firmware: 'uefi', disks })
  return world
}

export const volumesOf = (world: FakeWorld, name: string): readonly string[] =>
  Object.keys(world.pools['vmwright-instances']?.volumes ?? {}).filter((volume) => volume.startsWith(name))

export const ordinalsOf = (seam: FakeSeam, kind: string): readonly number[] =>
  seam.mutations.filter((effect) => effect.kind === `fake.${kind}`).map(({ ordinal }) => ordinal)

export const busy = (): ProvisionError =>
  new ProvisionError('host.busy', { message: 'Another job is in the way.', retryable: true })
