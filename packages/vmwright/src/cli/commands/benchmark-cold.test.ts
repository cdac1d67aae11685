import { expect, it } from 'vitest'
import { instanceSpec, resolvedSpec } from '../../testing/specs.ts'
import { withoutPackageUpdates } from './benchmark-cold.ts'

it('C21: a cold benchmark lets cloud-init neither update nor upgrade packages, whatever the spec says', () => {
  const instance = instanceSpec('web-1')
  const wanted = {
    ...instance,
    cloudInit: {
      ...instance.cloudInit,
      packageUpdate: true,
      packageUpgrade: true,
      packages: ['curl'],
      raw: { package_upgrade: true, apt_update: true, timezone: 'UTC' },
    },
  }
  const { spec, instances } = withoutPackageUpdates({ spec: resolvedSpec([wanted]), instances: [wanted] })
  const quiet = { packageUpdate: false, packageUpgrade: false, packages: ['curl'], raw: { timezone: 'UTC' } }
  expect(instances.map((each) => each.cloudInit)).toEqual([expect.objectContaining(quiet)])
  expect(spec.instances).toEqual(instances)
})
