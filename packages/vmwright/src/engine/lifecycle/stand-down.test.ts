import { expect, it } from 'vitest'
import { createFakeWorld } from '../../hypervisor/fake/world.ts'
import { createFakeSeam } from '../../lib/testing/fake-seam.ts'
import type { LifecycleSpec } from '../../spec/resolved-lifecycle.ts'
import type { InstanceSpec } from '../../spec/resolved.ts'
import { instanceSpec } from '../../testing/specs.ts'
import type { LifecycleServices } from './services.ts'
import { standDownScript } from './stand-down.ts'
import { farmServices, farmSpec, guestSpec, openFarm } from './testing.ts'

const { cloudInit } = instanceSpec('web')

it.each<[string, Partial<LifecycleSpec>, Partial<InstanceSpec>, number]>([
  ['stands down before each layer without memory', { memory: 'never' }, {}, 2],
  ['goes on where the memory is kept', { memory: 'require' }, {}, 0],
  ['goes on where the spec wants it at every boot', { memory: 'never', cloudInit: 'every-boot' }, {}, 0],
  [
    'goes on where it has commands for each boot',
    { memory: 'never' },
    { cloudInit: { ...cloudInit, bootcmd: ['true'] } },
    0,
  ],
  [
    'goes on where it may have work for each boot',
    { memory: 'never' },
    { cloudInit: { ...cloudInit, raw: { bootcmd: ['true'] } } },
    0,
  ],
])('G2: cloud-init %s', async (_, lifecycle, overrides, times) => {
  const { run, asked } = watched(guestSpec('web', { init: 'init' }, lifecycle, overrides), 0)
  expect(await run()).toBe('passed')
  expect(asked()).toBe(times)
})

it.each([
  [0, 'without memory; cloud-init stands down'],
  [1, 'without memory'],
])('G2: with exit code %i of the guest the report says %s', async (exitCode, said) => {
  const { run, because } = watched(guestSpec('web', { init: 'init' }, { memory: 'never' }), exitCode)
  expect(await run()).toBe('passed')
  expect(because()).toMatch(new RegExp(`${said}$`))
})

/** A run of one guest, with what it is asked to do about cloud-init. */
function watched(guest: InstanceSpec, exitCode: number) {
  const world = createFakeWorld()
  const seam = createFakeSeam()
  const { connectorOf } = farmServices({ fake: world }, seam)
  let asked = 0
  let because: string | undefined
  const watching: LifecycleServices['connectorOf'] = (context) => {
    const connector = connectorOf(context)
    return {
      ...connector,
      async open(progress) {
        const channel = await connector.open(progress)
        return {
          ...channel,
          alive: true,
          async run(inner, command) {
            const ended = await channel.run(inner, command)
            if (command.script !== standDownScript) return ended
            asked++
            expect(command.user).toBe('root')
            return { ...ended, exitCode }
          },
        }
      },
    }
  }
  return {
    async run() {
      const farm = openFarm(farmSpec([guest]), world, seam, { services: { connectorOf: watching } })
      const { outcome, guests } = await farm.run()
      because = guests[0]?.actions.find(({ action }) => action === 'create-init')?.because
      return outcome
    },
    asked: () => asked,
    because: () => because,
  }
}
