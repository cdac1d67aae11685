import type { PlanInput } from './plan.ts'
import type { Step } from './steps.ts'

/** These make nothing on the host that a clean-up would have to take away. */
const makesNothing: ReadonlySet<Step['kind']> = new Set(['fetch-image', 'probe-acceleration'])

/**
 * Puts before everything that is made on a host a record of what was there, once: while nothing of the project is
 * (K11, `destroy --verify`). A record that is kept already is not replaced.
 */
export function withHostRecords(input: PlanInput, steps: readonly Step[]): readonly Step[] {
  const making = Map.groupBy(
    steps.filter(({ kind }) => !makesNothing.has(kind)),
    ({ host }) => host,
  )
  const records = new Map<string, Step>()
  for (const [host, facts] of input.hosts) {
    if (!making.has(host) || facts.untouched === undefined) continue
    records.set(host, {
      id: `${host}/record-host`,
      kind: 'record-host',
      record: facts.untouched,
      host,
      title: `record what is on ${host}`,
      reason: 'nothing of the project is there yet; `destroy --verify` compares with it',
      after: [],
    })
  }
  if (records.size === 0) return steps
  const ids = new Set([...making.values()].flatMap((each) => each.map(({ id }) => id)))
  const waiting = steps.map((step): Step => {
    const record = records.get(step.host)
    if (record === undefined || makesNothing.has(step.kind) || step.after.some((id) => ids.has(id)))
      return step
    return { ...step, after: [record.id, ...step.after] }
  })
  return [...records.values(), ...waiting]
}
