import { describe, expect, it } from 'vitest'
import { consoleClassifier } from './console.ts'
import { diagnose } from './diagnose.ts'
import type { Facts } from './failure-facts.ts'

const classify = consoleClassifier('')

/** Facts of a guest `web-1` with one interface by DHCP whose first boot took too long at some rung. */
const facts = (changes: Partial<Facts> & { readonly lines?: readonly string[] } = {}): Facts => {
  const tail = changes.lines ?? ['[    0.000000] Linux version 6.1.0-40-cloud-amd64']
  return {
    instance: 'web-1',
    rung: 'address',
    trigger: { kind: 'timeout' },
    elapsedMs: 60_000,
    firstBoot: true,
    state: 'running',
    interfaces: [{ mac: '52:54:00:aa:bb:01', network: 'default', dhcp: true }],
    wantedAddresses: [],
    addresses: { lease: [], arp: [], agent: [] },
    port: 22,
    portAnswers: {},
    user: 'debian',
    ssh: undefined,
    console: { problem: undefined, tail, findings: tail.flatMap(classify) },
    cloudInitLog: [],
    ...changes,
  }
}

const leased = { lease: ['192.168.122.17'], arp: [], agent: [] }
const stage =
  "[   21.1] cloud-init[364]: Cloud-init v. 22.4.2 running 'modules:config' at Sat, 21 Nov 2026 07:44:00 +0000. Up 21.10 seconds."
const finished =
  'Cloud-init v. 22.4.2 finished at Sat, 21 Nov 2026 07:45:00 +0000. Datasource DataSourceNoCloud [seed=/dev/sr0]. Up 60.00 seconds'
const finding = (line: string): Facts['trigger'] => {
  const [first] = classify(line)
  if (first === undefined) throw new Error(`nothing found in: ${line}`)
  return { kind: 'console', finding: first }
}
const record = (changes: object): Facts['trigger'] => ({
  kind: 'cloud-init',
  outcome: {
    kind: 'recorded',
    by: 'ssh',
    record: { dataSource: 'DataSourceNoCloud', errors: [], recoverable: {}, ...changes },
  },
})
const refusal = (
  code: 'guest.ssh-refused' | 'guest.host-key-mismatch' | 'guest.port-closed',
): NonNullable<Facts['ssh']> => ({
  code,
  message: `What SSH said: ${code}.`,
})
const isStatic: Partial<Facts> = {
  wantedAddresses: ['10.0.0.5'],
  interfaces: [{ mac: '52:54:00:aa:bb:01', network: 'lab', dhcp: false }],
}
const panic = '[    1.9] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)'

const cases: readonly (readonly [string, Facts, string, string])[] = [
  [
    'a panic that ended the wait',
    facts({ trigger: finding(panic) }),
    'guest.kernel-panic',
    'Unable to mount root fs',
  ],
  [
    'a panic seen before the stop',
    facts({ trigger: { kind: 'stopped' }, state: 'stopped', lines: [panic] }),
    'guest.kernel-panic',
    'panicked',
  ],
  ['a panic that a late look finds', facts({ lines: [panic] }), 'guest.kernel-panic', 'panicked'],
  [
    'SeaBIOS without a disk',
    facts({ trigger: finding('No bootable device.') }),
    'guest.no-boot-device',
    'boot',
  ],
  [
    'OVMF without a loader',
    facts({ trigger: finding('BdsDxe: No bootable option or device was found.') }),
    'guest.no-boot-device',
    'BdsDxe',
  ],
  [
    'emergency mode',
    facts({ trigger: finding('You are in emergency mode. After logging in, type "journalctl -xb"') }),
    'guest.emergency-mode',
    'emergency',
  ],
  [
    'a stop',
    facts({ trigger: { kind: 'stopped' }, state: 'stopped' }),
    'guest.stopped',
    'stopped while its address',
  ],
  ['a crash', facts({ trigger: { kind: 'stopped' }, state: 'crashed' }), 'guest.stopped', 'crashed'],
  ['a stop that no event told', facts({ state: 'stopped' }), 'guest.stopped', 'stopped'],
  ['a paused guest', facts({ rung: 'started', state: 'paused' }), 'guest.not-ready', 'paused'],
  ['no lease', facts(), 'guest.no-address', 'default'],
  ['no lease and a silent console', facts({ lines: [] }), 'guest.no-address', 'printed nothing'],
  ['a static address that nobody saw', facts({ ...isStatic }), 'guest.no-address', 'lab'],
  [
    'another address than the static one',
    facts({ ...isStatic, addresses: { lease: [], arp: ['10.0.0.9'], agent: [] } }),
    'guest.wrong-address',
    '10.0.0.9 instead of 10.0.0.5',
  ],
  [
    'another address, found at the port rung',
    facts({ ...isStatic, rung: 'port', addresses: leased }),
    'guest.wrong-address',
    '192.168.122.17',
  ],
  [
    'another address, found at the SSH rung',
    facts({ ...isStatic, rung: 'ssh', addresses: leased }),
    'guest.wrong-address',
    '192.168.122.17',
  ],
  ['no address at the port rung', facts({ rung: 'port' }), 'guest.no-address', 'no address'],
  [
    'link-local only',
    facts({ rung: 'port', addresses: { lease: [], arp: [], agent: ['fe80::1', '127.0.0.1'] } }),
    'guest.no-address',
    'no address',
  ],
  [
    'a refused port',
    facts({ rung: 'port', addresses: leased, portAnswers: { '192.168.122.17': 'refused' } }),
    'guest.port-closed',
    'refuses port 22',
  ],
  [
    'a filtered port',
    facts({ rung: 'port', addresses: leased, portAnswers: { '192.168.122.17': 'silent' } }),
    'guest.port-closed',
    'Nothing answers',
  ],
  [
    'a refused login',
    facts({ rung: 'ssh', addresses: leased, ssh: refusal('guest.ssh-refused') }),
    'guest.ssh-refused',
    'debian',
  ],
  [
    'a foreign key at the time-out',
    facts({ rung: 'ssh', addresses: leased, ssh: refusal('guest.host-key-mismatch') }),
    'guest.host-key-mismatch',
    'What SSH said',
  ],
  [
    'a foreign key at once',
    facts({ rung: 'ssh', trigger: { kind: 'refused', ...refusal('guest.host-key-mismatch') } }),
    'guest.host-key-mismatch',
    'What SSH said',
  ],
  [
    'SSH that never answered',
    facts({ rung: 'ssh', addresses: leased, ssh: refusal('guest.port-closed') }),
    'guest.port-closed',
    'What SSH said',
  ],
  ['a silent agent', facts({ rung: 'agent' }), 'guest.agent-silent', 'agent'],
  [
    'cloud-init switched off',
    facts({
      rung: 'cloud-init',
      trigger: { kind: 'cloud-init', outcome: { kind: 'disabled', by: 'agent' } },
    }),
    'guest.no-datasource',
    'seed',
  ],
  [
    'the fallback data source',
    facts({ rung: 'cloud-init', trigger: record({ dataSource: 'DataSourceNone' }) }),
    'guest.no-datasource',
    'DataSourceNone',
  ],
  [
    'the fallback data source on the console',
    facts({
      rung: 'ssh',
      lines: ['Cloud-init v. 22.4.2 finished at X. Datasource DataSourceNone.  Up 12 seconds'],
    }),
    'guest.no-datasource',
    'DataSourceNone',
  ],
  [
    'a login prompt without any cloud-init',
    facts({
      rung: 'ssh',
      addresses: leased,
      ssh: refusal('guest.ssh-refused'),
      lines: ['Debian GNU/Linux 12 localhost ttyS0', 'localhost login:'],
    }),
    'guest.no-datasource',
    'login prompt',
  ],
  [
    'a module error',
    facts({ rung: 'cloud-init', trigger: record({ errors: ["('runcmd', ProcessExecutionError())"] }) }),
    'guest.cloud-init-failed',
    'runcmd',
  ],
  [
    'a recoverable error of level ERROR',
    facts({ rung: 'cloud-init', trigger: record({ recoverable: { ERROR: ['Failed to mount /data'] } }) }),
    'guest.cloud-init-failed',
    'Failed to mount /data',
  ],
  [
    'a failure that only the console shows',
    facts({
      rung: 'cloud-init',
      trigger: { kind: 'cloud-init', outcome: { kind: 'unconfirmed', by: 'console', line: finished } },
      lines: ['[   30.1] cloud-init[500]: Traceback (most recent call last):', finished],
    }),
    'guest.cloud-init-failed',
    'Traceback',
  ],
  [
    'a cloud-init that is slow',
    facts({ rung: 'cloud-init', lines: [stage] }),
    'guest.not-ready',
    'stage modules:config',
  ],
  [
    'a cloud-init whose result cannot be read',
    facts({ rung: 'cloud-init', lines: [stage, finished] }),
    'guest.not-ready',
    'could not be read',
  ],
  [
    'a cloud-init without memory',
    facts({ rung: 'cloud-init', lines: [stage, '[  33.1] Out of memory: Killed process 612 (apt-get)'] }),
    'guest.not-ready',
    'out of memory',
  ],
]

describe('C18: a guest that did not become ready', () => {
  it.each(cases)('%s', (_, given, code, words) => {
    const diagnosis = diagnose(given)
    expect(diagnosis.code).toBe(code)
    expect(diagnosis.message).toContain(words)
    expect(diagnosis.hint).toMatch(/web-1|memory/)
    expect(diagnosis.message).toMatch(/^\S.*\S$/s)
  })

  it('carries the facts: state, interfaces, addresses by source, and the console', () => {
    const addresses = { lease: ['192.168.122.17'], arp: ['192.168.122.17'], agent: [] }
    const { details } = diagnose(facts({ rung: 'port', addresses, cloudInitLog: ['a line'] }))
    expect(details).toMatchObject({
      instance: 'web-1',
      rung: 'port',
      state: 'running',
      interfaces: [{ mac: '52:54:00:aa:bb:01', network: 'default' }],
      addresses,
      cloudInitLog: ['a line'],
      console: ['[    0.000000] Linux version 6.1.0-40-cloud-amd64'],
    })
  })

  it('tells a lease that nothing else confirms from an address', () => {
    const portAnswers = { '192.168.122.17': 'silent' } as const
    expect(diagnose(facts({ rung: 'port', addresses: leased, portAnswers })).message).toContain('an old one')
    const confirmed = { ...leased, arp: leased.lease }
    expect(diagnose(facts({ rung: 'port', addresses: confirmed, portAnswers })).message).not.toContain(
      'an old one',
    )
  })

  it('may be tried again after a time-out, not after what waiting cannot mend', () => {
    expect(diagnose(facts()).retryable).toBe(true)
    expect(diagnose(facts({ trigger: finding(panic) })).retryable).toBe(false)
  })

  it('does not blame the seed on a later boot', () => {
    const lines = ['Debian GNU/Linux 12 web-1 ttyS0', 'web-1 login:']
    expect(diagnose(facts({ firstBoot: false, rung: 'agent', lines })).code).toBe('guest.agent-silent')
  })
})
