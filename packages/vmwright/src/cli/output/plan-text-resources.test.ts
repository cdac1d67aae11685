import { describe, expect, it } from 'vitest'
import { openBench } from '../../engine/testing.ts'
import { createFakeWorld, type FakeWorld } from '../../hypervisor/fake/world.ts'
import { createFakeSeam } from '../../lib/testing/fake-seam.ts'
import type { OwnNetworkSpec } from '../../spec/resolved-places.ts'
import { instanceSpec, ownNetwork, resolvedSpec } from '../../testing/specs.ts'
import { networkSet } from '../request.ts'
import { renderPlan } from './plan-text.ts'

const forwarding = { outside: undefined, masquerade: true, to: [], from: [] }

function specOf(change: Partial<OwnNetworkSpec> = {}) {
  const one = instanceSpec('web-1')
  return resolvedSpec([{ ...one, interfaces: [{ ...one.interfaces[0], network: 'lan' }] }], {
    networks: [
      ownNetwork('lan', { forwarding, ...change }),
      { id: 'default', name: 'default', own: undefined },
    ],
  })
}

const bench = (world: FakeWorld, change?: Partial<OwnNetworkSpec>) =>
  openBench(specOf(change), world, createFakeSeam())

async function provisioned(): Promise<FakeWorld> {
  const world = createFakeWorld()
  await bench(world).apply()
  return world
}

describe('the plan of networks as text', () => {
  it('X2, K3, K4, K6: has each resource once, and counts them', async () => {
    const text = renderPlan(await bench(createFakeWorld()).plan(), 'changes')
    expect(text.split('\n').filter((line) => /^[+~]/.test(line))).toEqual([
      '+ network lab-lan on fake: create: it does not exist',
      '+ rules of network lab-lan on fake: create: they are not there',
      '+ pool vmwright-instances on fake: create: it does not exist',
      '+ pool vmwright-images on fake: create: it does not exist',
      '+ web-1 on fake: create: it does not exist',
    ])
    expect(text).not.toContain('* fake: make network')
    expect(text).toMatch(/\d+ steps: create 1 instance, 1 network, 1 rule set, 2 pools\.\n$/)
  })

  it('X2: shows the steps of a resource below it, when asked', async () => {
    const lines = renderPlan(await bench(createFakeWorld()).plan(), 'steps').split('\n')
    const at = lines.findIndex((line) => line.startsWith('+ network lab-lan'))
    expect(lines[at + 1]).toBe('      make network lab-lan (open)')
  })

  it('X2, K4: says of a change that waits how it is asked for', async () => {
    const world = await provisioned()
    const change = { domain: 'new.example' }
    const text = renderPlan(await bench(world, change).plan(), 'changes')
    expect(text).toContain(
      '! network lab-lan on fake: blocked: it would have to be restarted; web-1 would lose it\n    domain: lab.example → new.example  (needs a restart: --restart-network lab-lan)\n',
    )
    expect(text).toContain('warning: network lan on fake: ')
    expect(text).toMatch(/Nothing to do\.\n$/)
    const asked = await bench(world, change).plan({ restartNetworks: new Set(['lan']) })
    expect(renderPlan(asked, 'changes')).toContain('lab.example → new.example  (by the restart)')
  })

  it('X2: after an apply there is nothing to do', async () => {
    expect(renderPlan(await bench(await provisioned()).plan(), 'changes')).toBe(
      'Nothing to do: the hosts are as the spec says.\n',
    )
  })
})

describe('--restart-network', () => {
  it.each([['lan'], ['lab-lan']])('knows a network by key and by name: %s', (name) => {
    expect(networkSet(specOf(), [name])).toEqual(new Set(['lan']))
  })

  it.each([
    ['lam', /has no network lam/, /Did you mean `lan`\?/],
    ['default', /default was not made by vmwright/, /own: lan\./],
  ])('tells of %s what there is', (name, message, hint) => {
    expect(() => networkSet(specOf(), [name])).toThrow(
      expect.objectContaining({
        code: 'spec.unknown-name',
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      }),
    )
  })
})
