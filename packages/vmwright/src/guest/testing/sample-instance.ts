import type { InstanceSpec, InterfaceSpec, ReadySpec } from '../../spec/resolved.ts'
import { instanceSpec } from '../../testing/specs.ts'

/** An instance `web-1` with one interface by DHCP and the usual ladder; tests change what they are about. */
export function sampleInstance(
  changes: {
    readonly ready?: Partial<ReadySpec>
    readonly interfaces?: InstanceSpec['interfaces']
    readonly finalMessage?: string
  } = {},
): InstanceSpec {
  const usual = instanceSpec('web-1')
  return {
    ...usual,
    interfaces: changes.interfaces ?? [sampleInterface()],
    cloudInit: { ...usual.cloudInit, finalMessage: changes.finalMessage ?? '' },
    ready: {
      ...usual.ready,
      rungs: ['started', 'address', 'port', 'ssh', 'cloud-init'],
      timeoutMs: {
        started: 30_000,
        address: 60_000,
        port: 60_000,
        ssh: 60_000,
        agent: 60_000,
        'cloud-init': 600_000,
      },
      ...changes.ready,
    },
    snapshot: undefined,
  }
}

export const sampleInterface = (changes: Partial<InterfaceSpec> = {}): InterfaceSpec => ({
  ...instanceSpec('web-1').interfaces[0]!,
  mac: '52:54:00:aa:bb:01',
  ...changes,
})
