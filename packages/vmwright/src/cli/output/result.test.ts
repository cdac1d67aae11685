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

it('K12: the status says once for all why nothing is known of those on a host that is down', () => {
  const problem = 'its host rack2 cannot be reached (no route)'
  const lost = { host: 'rack2', state: 'unknown', provision: 'none', problem } as const
  const text = renderInstances(
    [instance('web-1'), instance('web-2', lost), instance('db', lost)],
    'vmwright ssh',
  )
  expect(text).toContain(`\nNot to be known for certain:\n  web-2, db: ${problem}\n`)
  expect(text).toMatch(/^web-2 +rack2 +unknown +- /m)
  expect(renderInstances([instance('web-1')], 'vmwright ssh')).not.toContain('certain')
})
