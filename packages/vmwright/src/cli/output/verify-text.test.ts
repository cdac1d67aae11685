import { expect, it } from 'vitest'
import { renderVerdicts } from './verify-text.ts'

it('K11: tells what is left, what is kept on purpose and why, and what is not known', () => {
  const kept = 'images stay for the next run'
  const difference = { before: undefined, now: 'x', kept: undefined } as const
  const text = renderVerdicts([
    {
      host: 'rack1',
      verdict: 'not-as-before',
      recordedAtMs: 0,
      differences: [
        { ...difference, kind: 'domains', name: 'web-1', what: 'left' },
        { ...difference, kind: 'files', name: '/etc/x', what: 'missing' },
        {
          kind: 'networks',
          name: 'lan',
          what: 'changed',
          before: 'active',
          now: 'inactive',
          kept: undefined,
        },
        { ...difference, kind: 'pools', name: 'vmwright-images', what: 'left', kept },
        { ...difference, kind: 'volumes', name: 'vmwright-images/a.qcow2', what: 'left', kept },
      ],
    },
    { host: 'rack2', verdict: 'as-before', recordedAtMs: undefined, differences: [] },
    { host: 'rack3', verdict: 'not-known', reason: 'it is reached over TLS' },
    {
      host: 'rack4',
      verdict: 'failed',
      error: { code: 'host.unreachable', message: 'No.', hint: 'Look.', details: {}, retryable: false },
    },
  ])
  expect(text).toBe(`rack1: 3 left or changed; compared with the record of 1970-01-01T00:00:00.000Z.
  left     machine web-1
  missing  file /etc/x
  changed  network lan: active, now inactive
  kept on purpose: pool vmwright-images, volume vmwright-images/a.qcow2
    (images stay for the next run)
rack2: nothing is left; there is no record of before (none was needed, or it was verified already).
rack3: nothing is known of before, because it is reached over TLS.
rack4: could not be looked at.
error: No. [host.unreachable]
  Look.
`)
})
