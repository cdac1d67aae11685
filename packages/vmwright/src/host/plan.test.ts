import { describe, expect, it } from 'vitest'
import { type HostChange, type HostItem, itemName } from '../hypervisor/host/items.ts'
import { noPreparation } from '../spec/resolved-places.ts'
import { hostSpec } from '../testing/specs.ts'
import { hostState } from './host-state.ts'
import { planPrepare } from './plan-prepare.ts'
import { planRestore } from './plan-restore.ts'
import { debian, reportOn } from './testing.ts'

const spec = hostSpec({ name: 'rack1', preparation: { ...noPreparation, users: ['ann'] } })

describe('the plan of `host prepare`', () => {
  it('K2: is empty where everything is as it should be', () => {
    const plan = planPrepare('lab', [hostState(spec, reportOn(spec, debian))])
    expect([plan.steps, plan.resources, plan.findings]).toEqual([[], [], []])
  })

  it('K2: changes what is missing, services and groups after the packages that bring them', () => {
    const missing = ['package acl', 'service libvirtd', 'group kvm: ann', 'sysctl net.ipv4.ip_forward']
    const isMissing = (item: HostItem): boolean => missing.includes(itemName(item))
    const { steps, findings } = planPrepare('lab', [hostState(spec, reportOn(spec, debian, isMissing))])
    expect(steps.map(({ id, title, after }) => [id, title, after])).toEqual([
      ['rack1/package acl', 'install package acl', []],
      ['rack1/sysctl net.ipv4.ip_forward', 'set net.ipv4.ip_forward to 1, now and with the host', []],
      ['rack1/service libvirtd', 'start service libvirtd, now and with the host', ['rack1/package acl']],
      ['rack1/group kvm: ann', 'put user ann into group kvm', ['rack1/package acl']],
    ])
    expect(findings).toEqual([])
  })

  it('K2: asks for root once, not for every item', () => {
    const report = reportOn(spec, { ...debian, isRoot: false }, (item) => item.kind === 'package')
    const { findings } = planPrepare('lab', [hostState(spec, report)])
    expect(findings).toMatchObject([{ severity: 'error', code: 'host.access-denied' }])
  })

  it('K2: does without a module that only makes guests faster, but not without what the spec asks for', () => {
    const asked = hostSpec({ preparation: { ...noPreparation, modules: ['nbd'] } })
    const report = reportOn(asked, debian)
    const states = report.states.map((state) =>
      ['kernel module vhost_net', 'kernel module nbd'].includes(itemName(state.item))
        ? { ...state, isSo: false, whyNot: 'this kernel loads no modules' }
        : state,
    )
    const { findings, steps } = planPrepare('lab', [hostState(asked, { ...report, states })])
    expect(findings.map(({ severity, message }) => `${severity}: ${message}`)).toEqual([
      'error: kernel module nbd cannot be changed: this kernel loads no modules.',
      'warning: kernel module vhost_net cannot be changed: this kernel loads no modules.',
    ])
    expect(steps).toEqual([])
  })

  it('K2: says what to install by hand on a distribution that it does not know', () => {
    const report = reportOn(spec, { ...debian, family: 'unknown', distribution: 'Plan 9' })
    expect(planPrepare('lab', [hostState(spec, report)]).findings).toMatchObject([
      { severity: 'warning', message: expect.stringContaining('Plan 9') },
    ])
  })
})

describe('the plan of `host restore`', () => {
  const change = (item: HostItem, before: HostChange['before'] = {}): HostChange => ({
    item,
    atMs: 1,
    before,
  })
  const changes = [
    change({ kind: 'service', name: 'libvirtd' }),
    change({ kind: 'sysctl', name: 'net.ipv4.ip_forward', value: '1' }, { value: '0' }),
    change({ kind: 'package', name: 'ovmf' }, { pulled: 'a\nb' }),
  ]

  it('K2: takes back in the order of the record, one after the other, whatever becomes of the one before', () => {
    const { steps } = planRestore('lab', [{ host: 'rack1', changes, machines: [], bridges: [] }])
    expect(steps.map(({ title, after, evenAfterFailure }) => [title, after, evenAfterFailure])).toEqual([
      [expect.stringContaining('stop service libvirtd'), [], true],
      ['set net.ipv4.ip_forward back to 0', ['rack1/service libvirtd'], true],
      [
        'remove package ovmf, and of the 2 that came with it those that nothing needs',
        ['rack1/sysctl net.ipv4.ip_forward'],
        true,
      ],
    ])
  })

  it('K2, K5: leaves packages and services where a bridge that they may run could not be removed', () => {
    const bridges = ['rack1/bridge br0']
    const { steps } = planRestore('lab', [{ host: 'rack1', changes, machines: [], bridges }])
    expect(steps[0]?.after).toEqual(bridges)
    expect(steps.every(({ evenAfterFailure }) => evenAfterFailure === undefined)).toBe(true)
  })

  it('K2: refuses while machines would lose their hypervisor', () => {
    const machines = ['web-1', 'web-2']
    expect(planRestore('lab', [{ host: 'rack1', changes, machines, bridges: [] }]).findings).toMatchObject([
      { severity: 'error', message: expect.stringContaining('web-1, web-2') },
    ])
    const harmless = [changes[1] ?? change({ kind: 'kernel-module', name: 'tun' })]
    expect(
      planRestore('lab', [{ host: 'rack1', changes: harmless, machines, bridges: [] }]).findings,
    ).toEqual([])
  })
})
