import { describe, expect, it } from 'vitest'
import type { Step } from '../plan/plan.ts'
import { startable, type StepState, unreachable } from './schedule.ts'

const step = (id: string, kind: string, more: Partial<Step> = {}): Step =>
  ({ id, kind, host: 'rack1', title: id, reason: '', after: [], ...more }) as Step

const view = (steps: readonly Step[], states: readonly StepState[], limits = { host: 8, clones: 8 }) => ({
  steps,
  states: new Map(steps.map(({ id }, index) => [id, states[index] ?? 'waiting'] as const)),
  parallel: () => limits.host,
  parallelClones: limits.clones,
})

const ids = (steps: readonly Step[]): string => steps.map(({ id }) => id).join(' ')

const disks = ['a', 'b', 'c'].map((id) => step(id, 'clone-disk'))

describe('the schedule', () => {
  it.each<[string, readonly Step[], readonly StepState[], { host: number; clones: number }, string]>([
    ['T1: sequential: one disk at a time', disks, [], { host: 8, clones: 1 }, 'a'],
    ['T1: sequential: none while one is copied', disks, ['running'], { host: 8, clones: 1 }, ''],
    ['T1: parallel: as many as the spec says', disks, ['running'], { host: 8, clones: 2 }, 'b'],
    ['T1: parallel: not more than the host takes', disks, [], { host: 2, clones: 8 }, 'a b'],
    [
      'T1: other steps are not held up by copies',
      [...disks, step('d', 'start-vm')],
      ['running'],
      { host: 8, clones: 1 },
      'd',
    ],
    [
      'T1: each host has its own copies',
      [...disks, step('e', 'clone-disk', { host: 'rack2' })],
      ['running'],
      { host: 8, clones: 1 },
      'e',
    ],
  ])('%s', (_title, steps, states, limits, wanted) => {
    expect(ids(startable(view(steps, states, limits)))).toBe(wanted)
  })

  it.each<[string, readonly StepState[], string, string]>([
    ['not while one is under way', ['done', 'running'], '', ''],
    ['when all are done', ['done', 'done'], 'end next', ''],
    ['when one failed and one was skipped', ['failed', 'skipped'], 'end', 'next'],
  ])('T1: what is done in any case runs %s', (_title, states, starts, never) => {
    const steps = [
      ...disks.slice(0, 2),
      step('end', 'start-template', { after: ['a', 'b'], evenAfterFailure: true }),
      step('next', 'start-vm', { after: ['a', 'b'] }),
    ]
    expect(ids(startable(view(steps, states)))).toBe(starts)
    expect(ids(unreachable(view(steps, states)).map((each) => each.step))).toBe(never)
  })
})
