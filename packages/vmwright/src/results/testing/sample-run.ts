import type { ActionRun, GuestRun, LifecycleRun, StepRun } from '@vmwright/contract'
import type { LogTail } from '../log-tail.ts'
import type { Tails } from '../tails.ts'

/** A run in which all that can be told happened, among it what tries to be markup. */

export const startMs = Date.UTC(2026, 10, 21, 10, 15)

export const action = (
  name: string,
  fromSecond: number,
  seconds: number,
  more: Partial<ActionRun> = {},
): ActionRun => ({
  action: name,
  status: 'passed',
  startedAtMs: startMs + fromSecond * 1000,
  durationMs: seconds * 1000,
  because: undefined,
  error: undefined,
  log: undefined,
  steps: [],
  ...more,
})

export const step = (
  title: string,
  fromSecond: number,
  seconds: number,
  more: Partial<StepRun> = {},
): StepRun => ({
  title,
  status: 'passed',
  startedAtMs: startMs + fromSecond * 1000,
  durationMs: seconds * 1000,
  exitCode: 0,
  ...more,
})

export const guest = (name: string, more: Partial<GuestRun> = {}): GuestRun => ({
  name,
  host: 'rack1',
  platform: undefined,
  target: undefined,
  outcome: 'passed',
  actions: [],
  because: undefined,
  fetched: [],
  ...more,
})

export const runOf = (guests: readonly GuestRun[], more: Partial<LifecycleRun> = {}): LifecycleRun => ({
  version: 1,
  id: '20261121T101500Z-4711',
  project: 'shop',
  startedAtMs: startMs,
  durationMs: 251_000,
  outcome: 'failed',
  guests,
  ...more,
})

const passed = guest('debian-12-amd64', {
  platform: 'debian-12',
  target: 'amd64',
  actions: [
    action('startup', 0.1, 0.8, { status: 'skipped', because: 'restored with its memory' }),
    action('restore-init', 0.2, 3.1, { because: 'restored from shop.4f2a91c0.init' }),
    action('clock', 3.3, 0.1),
    action('dependencies', 3.4, 0, { status: 'cached', because: 'restored from shop.4f2a91c0.init' }),
    action('init', 3.4, 0, { status: 'cached', because: 'restored from shop.4f2a91c0.init' }),
    action('main', 3.4, 62, {
      log: 'debian-12-amd64/01-main.log',
      steps: [step('build the package', 3.5, 48.2), step('run its tests', 51.7, 13.6)],
    }),
    action('terminate', 65.4, 0, { status: 'skipped', because: 'no file' }),
    action('shutdown', 65.5, 4.2),
  ],
  fetched: ['debian-12-amd64/files/shop_1.0_amd64.deb', 'debian-12-amd64/files/with space & #.txt'],
})

const failed = guest('debian-12-arm64', {
  platform: 'debian-12',
  target: 'arm64',
  outcome: 'failed',
  actions: [
    action('queue', 0.1, 40, { because: 'waited for 2048 MiB on rack1' }),
    action('create', 40.1, 6),
    action('startup', 46.1, 1.2),
    action('connect', 47.3, 58),
    action('create-clean', 105.3, 5.5),
    action('dependencies', 110.8, 31, { log: 'debian-12-arm64/01-dependencies.log' }),
    action('create-dependencies', 141.8, 4),
    action('init', 145.8, 12, { log: 'debian-12-arm64/02-init.log', steps: [step('set up', 145.9, 11.8)] }),
    action('create-init', 157.8, 4),
    action('main', 161.8, 70.2, {
      status: 'failed',
      error: {
        code: 'phase.failed',
        message: 'The step "run its tests" of main failed on debian-12-arm64 with exit code 2.',
        hint: 'The log of the phase has all that it printed; `terminate` and `shutdown` were run.',
        details: {},
        retryable: false,
      },
      log: 'debian-12-arm64/03-main.log',
      steps: [
        step('build the package', 161.9, 55),
        step('run its tests <b>&"\'', 217, 15, { status: 'failed', exitCode: 2 }),
        step('sign it', 232, 0, { status: 'skipped', exitCode: undefined }),
      ],
    }),
    action('terminate', 232, 3, { log: 'debian-12-arm64/04-terminate.log' }),
    action('shutdown', 235, 12),
  ],
})

const cancelled = guest('fedora-42-amd64', {
  platform: 'fedora-42',
  target: 'amd64',
  host: 'rack2',
  outcome: 'cancelled',
  actions: [
    action('recover', 0.1, 2, { because: 'an earlier run had been killed in main' }),
    action('restore-clean', 2.1, 2),
    action('dependencies', 4.1, 240, { status: 'cancelled' }),
    action('shutdown', 244.1, 6, { status: 'unfinished' }),
  ],
})

const notRun = guest('fedora-42-arm64', {
  platform: 'fedora-42',
  target: 'arm64',
  host: 'rack2',
  outcome: 'not-run',
  because: 'the run was cancelled before its turn',
})

export const sampleRun = runOf([passed, failed, cancelled, notRun])

export const hostileLine =
  '  232.001 err | ]]></script><img src=x onerror="alert(1)"> \u001b[31mred\u001b[0m \u0007\u0000 &amp; \ud800'

const tail = (lines: readonly string[], more: Partial<LogTail> = {}): LogTail => ({
  lines,
  cut: false,
  sizeBytes: lines.join('\n').length + 1,
  ...more,
})

export const sampleTails: Tails = new Map([
  [
    'debian-12-amd64/01-main.log',
    tail(['    0.012 out | dpkg-buildpackage: info', '   61.900 out | 41 tests passed']),
  ],
  ['debian-12-arm64/01-dependencies.log', tail(['    0.100 out | Reading package lists...'])],
  ['debian-12-arm64/02-init.log', tail([])],
  [
    'debian-12-arm64/03-main.log',
    tail(['  231.500 out | 40 tests passed', hostileLine], { cut: true, sizeBytes: 7_340_032 }),
  ],
])
