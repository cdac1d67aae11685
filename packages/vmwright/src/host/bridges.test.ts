import { describe, expect, it } from 'vitest'
import type { BridgeState } from '../hypervisor/host/bridges.ts'
import type { HostBridgeSpec } from '../spec/resolved-places.ts'
import { definitionOf, planBridgeRemoval, planBridges } from './bridges.ts'

const spec: HostBridgeSpec = {
  name: 'br0',
  interface: 'eno1',
  stp: false,
  confirmWithinMs: 60_000,
  mayCarryDefaultRoute: false,
}
const state: BridgeState = {
  state: 'absent',
  manager: 'netplan',
  carriesDefaultRoute: false,
  addresses: ['192.0.2.7/24'],
  whyNot: undefined,
}

describe('planning host bridges', () => {
  it('K5: makes the missing ones, one after the other, after what else is done', () => {
    const second = { ...spec, name: 'br1', interface: 'eno2' }
    const present = { spec: { ...spec, name: 'br2' }, state: { ...state, state: 'present' as const } }
    const plan = planBridges(
      'rack1',
      [{ spec, state }, present, { spec: second, state: { ...state, addresses: [] } }],
      ['rack1/package x'],
    )
    expect(plan.steps.map(({ kind, title, after }) => [kind, title, after])).toEqual([
      ['make-bridge', 'make bridge br0 over eno1, which takes 192.0.2.7/24', ['rack1/package x']],
      ['make-bridge', 'make bridge br1 over eno2', ['rack1/package x', 'rack1/bridge br0']],
    ])
    expect(plan.findings).toEqual([])
    expect(plan.resources[0]).toEqual({
      kind: 'host-bridge',
      name: 'br0',
      host: 'rack1',
      action: 'create',
      reason: 'it is missing; netplan runs eno1',
      fields: [
        { field: 'interface', from: '', to: 'eno1', how: 'in-place' },
        { field: 'address', from: 'eno1 192.0.2.7/24', to: 'br0 192.0.2.7/24', how: 'in-place' },
      ],
    })
  })

  it.each<[string, Partial<BridgeState>, Partial<HostBridgeSpec>, string, RegExp]>([
    [
      'the default route',
      { carriesDefaultRoute: true },
      {},
      'host.bridge-refused',
      /carries the default route/,
    ],
    [
      'a name that is taken',
      { state: 'foreign', whyNot: 'a bridge br0 exists' },
      {},
      'network.conflict',
      /a bridge br0 exists/,
    ],
    [
      'a reason of the host',
      { whyNot: 'eno1 is wireless' },
      {},
      'host.bridge-refused',
      /over eno1: eno1 is wireless/,
    ],
    [
      'too little time for spanning tree',
      {},
      { stp: true, confirmWithinMs: 20_000 },
      'host.bridge-refused',
      /after 30 s/,
    ],
  ])('K5: does nothing in the face of %s', (_, found, wanted, code, message) => {
    const plan = planBridges('rack1', [{ spec: { ...spec, ...wanted }, state: { ...state, ...found } }])
    expect(plan.steps).toEqual([])
    expect(plan.findings).toMatchObject([
      { severity: 'error', code, object: 'host rack1', message: expect.stringMatching(message) },
    ])
    expect(plan.resources).toMatchObject([{ action: 'blocked', reason: expect.stringMatching(message) }])
  })

  it('K5: takes the interface with the default route where the spec allows it', () => {
    const allowed = { ...spec, mayCarryDefaultRoute: true }
    const plan = planBridges('rack1', [{ spec: allowed, state: { ...state, carriesDefaultRoute: true } }])
    expect([plan.steps.length, plan.findings]).toEqual([1, []])
  })

  it('K5: warns that a bridge is gone after a restart where nothing runs the interface', () => {
    const plan = planBridges('rack1', [{ spec, state: { ...state, manager: 'none' } }])
    expect(plan.steps).toHaveLength(1)
    expect(plan.findings).toMatchObject([
      { severity: 'warning', message: expect.stringContaining('gone after a restart') },
    ])
  })

  it('K5: takes back what was made, latest first', () => {
    const made = [definitionOf(spec), definitionOf({ ...spec, name: 'br1', interface: 'eno2' })]
    expect(planBridgeRemoval('rack1', made).steps.map(({ title, after }) => [title, after])).toEqual([
      ['remove bridge br1, and give eno2 its configuration back', []],
      ['remove bridge br0, and give eno1 its configuration back', ['rack1/bridge br1']],
    ])
  })
})
