import type { InstanceStatus } from '@vmwright/contract'
import { expect, it } from 'vitest'
import { renderInstances } from './result.ts'

const instance = (name: string, more: Partial<InstanceStatus> = {}): InstanceStatus => ({
  name,
  host: 'rack1',
  state: 'running',
  provision: 'provisioned',
  addresses: [],
  snapshots: [],
  drift: [],
  ...more,
})

it('T1: the status names the machines that rest on the disks of a template', () => {
  const some = [
    instance('web-1', { restsOn: 'golden' }),
    instance('db'),
    instance('web-2', { restsOn: 'golden' }),
  ]
  expect(renderInstances(some, 'vmwright ssh')).toContain(
    '\nOverlays of templates, which must not change:\n  golden on rack1: web-1, web-2\n',
  )
  expect(renderInstances([instance('db')], 'vmwright ssh')).not.toContain('Overlays')
})
