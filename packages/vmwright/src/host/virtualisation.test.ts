import { expect, it, test } from 'vitest'
import type { VirtualisationFacts } from '../hypervisor/host/items.ts'
import { hostSpec } from '../testing/specs.ts'
import { virtualisationFindings } from './findings.ts'
import { debian } from './testing.ts'
import { virtualisationVerdict } from './virtualisation.ts'

const verdict = (
  facts: Partial<VirtualisationFacts>,
  trial: Parameters<typeof virtualisationVerdict>[1] = {
    kind: 'fails',
    reason: 'a trial guest did not start',
  },
  architecture = 'x86_64',
) =>
  virtualisationVerdict(
    { ...debian, architecture, virtualisation: { ...debian.virtualisation, ...facts } },
    trial,
  )
const none = { processor: undefined, modules: [], hasDevice: false, deviceAccess: undefined } as const

test.each([
  [
    'a processor without it, Intel',
    { ...none },
    'the processor offers no',
    '"Intel Virtualization Technology" (VT-x)',
  ],
  ['a processor without it, AMD', { ...none, vendor: 'amd' }, 'the processor offers no', '"SVM Mode"'],
  [
    'a guest of KVM',
    { ...none, inside: 'kvm' },
    'nested virtualisation is off in its host',
    '`nested=1` of kvm_intel',
  ],
  [
    'a guest of KVM on AMD',
    { ...none, inside: 'kvm', vendor: 'amd' },
    'nested virtualisation',
    '`nested=1` of kvm_amd',
  ],
  [
    'a guest of Hyper-V',
    { ...none, inside: 'microsoft' },
    'nested virtualisation',
    'ExposeVirtualizationExtensions',
  ],
  ['a guest of VMware', { ...none, inside: 'vmware' }, 'nested virtualisation', 'Expose hardware assisted'],
  ['a guest of VirtualBox', { ...none, inside: 'oracle' }, 'nested virtualisation', '--nested-hw-virt'],
  [
    'a container',
    { hasDevice: false, isContainer: true },
    'container that was not given /dev/kvm',
    '--device /dev/kvm',
  ],
  ['no module', { modules: [], hasDevice: false }, 'kvm_intel is not loaded', 'modprobe kvm_intel'],
  [
    'no module, AMD',
    { processor: 'svm', modules: [], hasDevice: false, vendor: 'amd' },
    'kvm_amd is not loaded',
    '"SVM Mode"',
  ],
  ['no device', { hasDevice: false }, 'there is no /dev/kvm', 'module `kvm`'],
  ['a device for root alone', { deviceAccess: 'root root 600' }, 'may not open /dev/kvm', 'chgrp kvm'],
  ['a device of another group', { deviceAccess: 'root wheel 660' }, 'may not open /dev/kvm', 'chgrp kvm'],
  ['nothing that speaks against it', {}, 'but a trial guest did not start', 'vmwright-kvm-trial.log'],
  ['nothing that speaks against it, in a guest', { inside: 'kvm' }, 'a trial guest did not start', 'nested'],
] as const)('K1: tells reason and remedy where a trial fails: %s', (_, facts, reason, remedy) => {
  const told = verdict(facts)
  expect(told).toMatchObject({ state: 'fails', by: 'trial', reason: expect.stringContaining(reason) })
  expect(told.remedy).toContain(remedy)
})

it('K1: believes a guest that was started, whatever speaks against it', () => {
  expect(verdict(none, { kind: 'works' })).toMatchObject({ state: 'works', by: 'trial', remedy: undefined })
})

it('K1: goes by the facts before libvirt is there, and says so', () => {
  const trial = { kind: 'none', why: 'libvirt does not answer there' } as const
  expect(verdict({}, trial)).toMatchObject({
    state: 'likely',
    by: 'facts',
    reason: expect.stringContaining('no guest was started: libvirt does not answer there'),
  })
  expect(verdict({ deviceAccess: 'root root 666' }, trial).state).toBe('likely')
  expect(verdict(none, trial)).toMatchObject({ state: 'fails', by: 'facts' })
})

it('K1: does not look for the flags of x86 elsewhere', () => {
  const facts = { ...none, hasDevice: true, deviceAccess: 'root kvm 660' }
  expect(verdict(facts, { kind: 'none', why: 'x' }, 'aarch64').state).toBe('likely')
})

test.each([
  ['require-kvm', 'check', ['error']],
  ['require-kvm', 'prepare', ['warning']],
  ['prefer-kvm', 'check', ['warning']],
  ['emulate', 'check', []],
] as const)('K1: %s at %s makes of it %j', (acceleration, when, severities) => {
  const findings = virtualisationFindings({ spec: hostSpec({ acceleration }) }, verdict(none), when)
  expect(findings.map(({ severity }) => severity)).toEqual(severities)
})
