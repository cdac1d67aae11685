import { errorCode, LibvirtError } from '@vmwright/libvirt'
import { describe, expect, it } from 'vitest'
import { toProvisionError, unreachable } from './failure.ts'
import { stateOf, stateOfEvent } from './state.ts'

const doing = { host: 'rack1', doing: 'start machine web-1' }

describe('an error of libvirt becomes one of ours by its number', () => {
  it.each([
    [errorCode.noStoragePool, 'pool.not-found', false],
    [errorCode.noNetwork, 'network.not-found', false],
    [errorCode.storageVolumeExists, 'disk.conflict', false],
    [errorCode.noDomainSnapshot, 'snapshot.not-found', false],
    [errorCode.agentUnresponsive, 'guest.agent-silent', false],
    [errorCode.operationTimeout, 'host.timeout', true],
    [errorCode.resourceBusy, 'host.operation-failed', true],
    [errorCode.internalError, 'host.operation-failed', false],
    [9999, 'host.operation-failed', false],
  ])('%i: %s', (code, expected, retryable) => {
    const cause = new LibvirtError({
      kind: 'libvirt',
      code,
      domain: 10,
      message: 'no storage pool',
      procedure: 'p',
    })
    const error = toProvisionError(cause, doing)
    expect(error).toMatchObject({ code: expected, retryable, cause })
    expect(error.message).toBe('Could not start machine web-1 on host rack1: no storage pool')
    expect(error.details).toMatchObject({ host: 'rack1', procedure: 'p', libvirtCode: code })
  })

  it.each([
    ['connection', 'host.connection-lost'],
    ['timeout', 'host.timeout'],
    ['protocol', 'host.operation-failed'],
  ] as const)('%s: %s', (kind, expected) => {
    const error = toProvisionError(new LibvirtError({ kind, message: 'm' }), doing)
    expect(error).toMatchObject({ code: expected, retryable: true })
  })
})

describe('states', () => {
  it.each([
    [1, 1, 'running'],
    [3, 1, 'paused'],
    [5, 1, 'stopped'],
    [5, 3, 'crashed'],
    [6, 1, 'crashed'],
    [99, 0, 'unknown'],
  ])('state %i for reason %i is %s', (state, reason, expected) =>
    expect(stateOf(state, reason)).toBe(expected),
  )

  it.each([
    [0, 0, undefined],
    [2, 0, 'running'],
    [3, 0, 'paused'],
    [5, 1, 'stopped'],
    [5, 2, 'crashed'],
    [6, 0, undefined],
    [8, 0, 'crashed'],
  ])('event %i with detail %i means %s', (event, detail, expected) =>
    expect(stateOfEvent(event, detail)).toBe(expected),
  )
})

it.each([
  ['of its own', undefined, /virsh -c URI version/],
  ['that is a guest of the spec', 'nest', /^It is the guest nest, which `vmwright run` brings up/],
])('G9: a host %s that cannot be reached has a hint of what to do', (_title, guest, hint) => {
  const lost = new LibvirtError({ kind: 'connection', message: 'no route' })
  const error = unreachable(lost, { name: 'rack1', uri: 'qemu+ssh://nest/system', guest })
  expect(error).toMatchObject({ code: 'host.unreachable', hint: expect.stringMatching(hint) })
})
