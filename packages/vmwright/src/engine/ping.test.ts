import { describe, expect, it } from 'vitest'
import type { GuestNetwork } from '../guest/network.ts'
import { createFakeVm, createFakeWorld, type FakeWorld } from '../hypervisor/fake/world.ts'
import { ProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import type { ReadyRung } from '../spec/resolved.ts'
import { hostSpec, instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { ping } from './ping.ts'
import { openBench, servicesFor } from './testing.ts'

const provision = instanceSpec('web-1')
const askedFor = (rungs: readonly ReadyRung[]) => ({ ...provision, ready: { ...provision.ready, rungs } })

const answering: GuestNetwork = {
  tryPort: async () => 'open',
  connectSsh: async () => ({ kind: 'verified' }),
}

async function pinged(
  change: {
    readonly network?: Partial<GuestNetwork>
    readonly world?: (world: FakeWorld) => void
    readonly rungs?: readonly ReadyRung[]
  } = {},
) {
  const world = createFakeWorld()
  const seam = createFakeSeam()
  await openBench(resolvedSpec([provision]), world, seam).apply()
  change.world?.(world)
  const instance = askedFor(change.rungs ?? ['started', 'address', 'port', 'ssh'])
  return ping(new Progress(seam), {
    spec: resolvedSpec([instance]),
    hosts: [hostSpec()],
    instances: [instance],
    services: servicesFor(world),
    timeoutMs: 5_000,
    network: { ...answering, ...change.network },
  })
}

const thrower = (code: 'guest.host-key-mismatch' | 'guest.port-closed') => async (): Promise<never> => {
  throw new ProvisionError(code, { message: 'no' })
}

describe('T11: ping', () => {
  it('is all right when host, port, host key and agent answer', async () => {
    expect(await pinged()).toMatchObject({
      ok: true,
      hosts: [{ host: 'fake', ok: true, machines: 1, version: 'fake 1.0.0' }],
      instances: [
        {
          name: 'web-1',
          ok: true,
          state: 'running',
          portAnswer: 'open',
          hostKey: 'verified',
          agent: 'answers',
        },
      ],
    })
  })

  it.each<[string, Parameters<typeof pinged>[0], RegExp]>([
    ['a silent port', { network: { tryPort: async () => 'silent' } }, /does not answer on port 22/],
    ['a refused port', { network: { tryPort: async () => 'refused' } }, /refuses port 22/],
    [
      'a foreign host key',
      { network: { connectSsh: thrower('guest.host-key-mismatch') } },
      /host key that it was not given/,
    ],
    ['no SSH', { network: { connectSsh: thrower('guest.port-closed') } }, /does not speak SSH/],
    [
      'a machine that is off',
      { world: (world) => void Object.assign(world.vms['web-1'] ?? {}, { state: 'stopped' }) },
      /does not run \(stopped\)/,
    ],
    ['no machine', { world: (world) => void delete world.vms['web-1'] }, /There is no machine web-1/],
    [
      "a stranger's machine",
      { world: (world) => void (world.vms['web-1'] = createFakeVm('web-1', { state: 'running' })) },
      /was not made by vmwright/,
    ],
    [
      'a silent agent that is asked for',
      { rungs: ['agent'], world: (world) => void (world.guests['web-1'] = { agentAfterMs: undefined }) },
      /agent is silent/,
    ],
  ])('tells of %s', async (_title, change, problem) => {
    const report = await pinged(change)
    expect(report.ok).toBe(false)
    expect(report.instances[0]?.problem).toMatch(problem)
  })

  it('does not ask for what the ladder of the instance does not ask for', async () => {
    const report = await pinged({
      rungs: ['started', 'address', 'port'],
      network: { connectSsh: thrower('guest.port-closed') },
      world: (world) => void (world.guests['web-1'] = { agentAfterMs: undefined }),
    })
    expect(report).toMatchObject({ ok: true, instances: [{ hostKey: 'unknown', agent: 'silent' }] })
  })

  it('goes on with the rest when a host does not answer', async () => {
    expect(await pinged({ world: (world) => void (world.down = true) })).toMatchObject({
      ok: false,
      hosts: [{ ok: false, error: { code: 'host.unreachable' } }],
      instances: [{ ok: false, state: 'unknown', problem: 'its host fake does not answer' }],
    })
  })
})
