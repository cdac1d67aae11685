import type { Member } from './groups.ts'
import { toMs } from './quantity.ts'
import { type ReadyRung, readyRungs, type ReadySpec } from './resolved.ts'

const usualRungs: readonly ReadyRung[] = ['started', 'address', 'port', 'ssh', 'cloud-init']

/** With KVM; the port shows a slow boot first. */
const defaultTimeouts: Readonly<Record<ReadyRung, number>> = {
  started: 60_000,
  address: 180_000,
  port: 360_000,
  ssh: 180_000,
  agent: 180_000,
  'cloud-init': 600_000,
}

/** `possible`: the rungs that this kind of guest has. */
export function resolveReady(
  ready: Member['settings']['ready'] = {},
  possible: readonly ReadyRung[],
): ReadySpec {
  const given = ready.rungs?.filter((rung) => possible.includes(rung)) ?? []
  const wanted = given.length > 0 ? given : usualRungs.filter((rung) => possible.includes(rung))
  const limitOf = (rung: ReadyRung): number => {
    const limit = ready.timeouts?.[rung]
    return limit === undefined ? defaultTimeouts[rung] : toMs(limit)
  }
  return {
    rungs: readyRungs.filter((rung) => wanted.includes(rung)),
    port: ready.port ?? 22,
    timeoutMs: {
      started: limitOf('started'),
      address: limitOf('address'),
      port: limitOf('port'),
      ssh: limitOf('ssh'),
      agent: limitOf('agent'),
      'cloud-init': limitOf('cloud-init'),
    },
    usualLimits: readyRungs.filter((rung) => ready.timeouts?.[rung] === undefined),
    recheckAfterSnapshot: ready.recheckAfterSnapshot ?? true,
  }
}
