import type { RunEvent, StepSummary } from '@vmwright/contract'

/** A run as the engine tells it: two machines side by side, one of which fails. For tests. */
const step = (id: string, kind: string, title: string, more: Partial<StepSummary> = {}): StepSummary => ({
  id,
  kind,
  host: 'rack1',
  title,
  reason: 'not there',
  after: [],
  ...more,
})

const steps: readonly StepSummary[] = [
  step('fetch-image:rack1:debian-12', 'fetch-image', 'fetch image debian-12'),
  step('create-disk:web-1:root', 'create-disk', 'create disk web-1.qcow2, "thin"', { instance: 'web-1' }),
  step('create-disk:web-2:root', 'create-disk', 'create disk web-2.qcow2', { instance: 'web-2' }),
  step('start-vm:web-1', 'start-vm', 'start web-1', { instance: 'web-1' }),
  step('start-vm:web-2', 'start-vm', 'start web-2', { instance: 'web-2' }),
]

/** Milliseconds since the epoch at which the run starts: 2026-01-02T03:04:05Z. */
export const startMs = Date.UTC(2026, 0, 2, 3, 4, 5)

const at = (ms: number): { readonly atMs: number } => ({ atMs: startMs + ms })

const failure = { code: 'pool.full', message: 'full', hint: '', details: {}, retryable: false } as const

/** After a second of looking; web-2's disk does not fit. */
export const failingRun: readonly RunEvent[] = [
  { ...at(1_000), kind: 'run-started', command: 'apply', project: 'demo', steps },
  { ...at(1_000), kind: 'step-started', step: 'fetch-image:rack1:debian-12' },
  { ...at(1_500), kind: 'step-progress', step: 'fetch-image:rack1:debian-12', what: 'download' },
  { ...at(3_000), kind: 'step-finished', step: 'fetch-image:rack1:debian-12', durationMs: 2_000 },
  { ...at(3_000), kind: 'step-started', step: 'create-disk:web-1:root' },
  { ...at(3_500), kind: 'step-started', step: 'create-disk:web-2:root' },
  { ...at(4_000), kind: 'step-finished', step: 'create-disk:web-1:root', durationMs: 1_000.25 },
  { ...at(4_000), kind: 'step-started', step: 'start-vm:web-1' },
  { ...at(4_500), kind: 'step-failed', step: 'create-disk:web-2:root', durationMs: 1_000, error: failure },
  { ...at(4_500), kind: 'step-skipped', step: 'start-vm:web-2', because: 'create-disk:web-2:root' },
  { ...at(6_000), kind: 'step-finished', step: 'start-vm:web-1', durationMs: 2_000 },
  { ...at(6_750), kind: 'run-finished', outcome: 'failed', durationMs: 6_750, mutations: 3, instances: [] },
]

/** The same machines, cancelled while web-1 starts. */
export const cancelledRun: readonly RunEvent[] = [
  ...failingRun.slice(0, 8),
  {
    ...at(4_250),
    kind: 'step-failed',
    step: 'start-vm:web-1',
    durationMs: 250,
    error: { ...failure, code: 'run.cancelled' },
  },
  {
    ...at(4_250),
    kind: 'step-failed',
    step: 'create-disk:web-2:root',
    durationMs: 750,
    error: { ...failure, code: 'host.unreachable' },
  },
  {
    ...at(4_500),
    kind: 'run-finished',
    outcome: 'cancelled',
    durationMs: 4_500,
    mutations: 3,
    instances: [],
  },
]
