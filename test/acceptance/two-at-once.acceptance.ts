import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { census } from '../support/census.ts'
import { type Lab, openLab, quickGuests } from '../support/lab.ts'
import { whyNoPrivateLibvirt } from '../support/private-libvirt.ts'
import { jsonRun, mutationsOf } from '../support/program.ts'

/** Two runs on one host: one goes first, and the other one knows whom it waits for. */
const unavailable = whyNoPrivateLibvirt()
let lab: Lab

beforeAll(async () => {
  if (unavailable !== undefined) return
  lab = await openLab('two')
  await lab.space.spec('vmwright.yaml', {
    ...lab.base,
    project: 'two',
    defaults: { ...quickGuests, snapshot: false },
    instances: { one: {}, two: {} },
  })
})
afterAll(() => lab?.[Symbol.asyncDispose]())
beforeEach(({ skip }) => skip(unavailable !== undefined, unavailable))

it('X4, C20: of two applies at once one goes first, and the other waits and finds nothing left to do', async () => {
  const runs = [lab.space.start(['apply', '--json']), lab.space.start(['apply', '--json'])]
  const ended = await Promise.all(runs.map((each) => each.ended))
  expect(ended.map((each) => each.code)).toEqual([0, 0])
  const outcomes = ended.map((each) => jsonRun(each))
  expect(outcomes.map((each) => each.result.outcome).toSorted()).toEqual(['done', 'unchanged'])
  expect(outcomes.map(mutationsOf).filter((count) => count === 0)).toEqual([0])
  const ours = (await census(lab.virsh)).filter((line) => /^(machine|volume) .*(one|two)\b/.test(line))
  expect(ours.filter((line) => !/^machine one-|^volume theirs\//.test(line)).map(nameOf)).toEqual([
    'machine one',
    'machine two',
    'volume vmwright-mine/one-seed.iso',
    'volume vmwright-mine/one.qcow2',
    'volume vmwright-mine/two-seed.iso',
    'volume vmwright-mine/two.qcow2',
  ])
})

it('X4: who waits is told who holds the host, and who does not want to wait gives up with that name', async () => {
  await lab.space.spec('slow.yaml', {
    ...lab.base,
    project: 'slow',
    defaults: {
      ...quickGuests,
      snapshot: false,
      ready: { rungs: ['started', 'address'], timeouts: { address: '20s' } },
    },
    instances: { slow: {} },
  })
  const holder = lab.space.start(['apply', '-f', 'slow.yaml'])
  await holder.printed('wait until slow is ready')
  const waiter = lab.space.start(['apply'])
  const impatient = await lab.space.vmwright(['apply', '--lock-timeout', '1s'])
  expect(impatient.code).toBe(6)
  expect(impatient.stderr).toContain('host.locked')
  expect(impatient.stderr).toMatch(new RegExp(`held by|vmwright apply by .*\\(pid ${holder.child.pid}\\)`))

  const [first, second] = await Promise.all([holder.ended, waiter.ended])
  expect(first).toMatchObject({ code: 1, stderr: expect.stringContaining('guest.no-address') })
  expect(second.code).toBe(0)
  expect(second.stderr).toMatch(new RegExp(`held by vmwright apply by .*\\(pid ${holder.child.pid}\\)`))
})

const nameOf = (line: string): string => line.split(' ', 2).join(' ')
