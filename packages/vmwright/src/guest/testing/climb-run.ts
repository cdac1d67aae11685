import { ProvisionError } from '../../lib/errors.ts'
import { Progress } from '../../lib/progress.ts'
import { Secret } from '../../lib/secret.ts'
import { createFakeSeam } from '../../lib/testing/fake-seam.ts'
import type { InstanceSpec } from '../../spec/resolved.ts'
import { type ReadyReport, awaitReady } from '../await-ready.ts'
import type { Wanted } from '../climb.ts'
import { sampleInstance } from './sample-instance.ts'
import { type ScriptEvent, type ScriptedGuest, type Sshd, scriptedGuest } from './scripted-guest.ts'

export const address = '192.168.122.17'
export const hostKey = 'ssh-ed25519 AAAAours'
export const ourSshd: Sshd = { hostKey, login: 'accepted' }
const noErrors = JSON.stringify({ v1: { datasource: 'DataSourceNoCloud [seed=/dev/sr0]', errors: [] } })
export const finished =
  'Cloud-init v. 22.4.2 finished at Sat, 21 Nov 2026 07:00:00 +0000. Datasource DataSourceNoCloud [seed=/dev/sr0][dsmode=net].  Up 31.20 seconds\r\n'
export const result = (atMs: number, content = noErrors): ScriptEvent => ({
  atMs,
  kind: 'file',
  path: '/run/cloud-init/result.json',
  content,
})

interface Outcome {
  readonly report: ReadyReport | undefined
  readonly error: ProvisionError | undefined
  readonly atMs: number
  readonly said: readonly string[]
  readonly guest: ScriptedGuest
}

export async function run(
  events: readonly ScriptEvent[],
  changes: Partial<Wanted> & {
    readonly deadlineMs?: number
    readonly console?: 'none'
    readonly isEmulated?: boolean
  } = {},
): Promise<Outcome> {
  const seam = createFakeSeam()
  const { isEmulated = false } = changes
  const guest = scriptedGuest(seam, events, {
    isEmulated,
    ...(changes.console === undefined ? {} : { console: 'none' }),
  })
  const said: string[] = []
  const progress = new Progress(seam, {
    deadlineMs: changes.deadlineMs ?? Number.POSITIVE_INFINITY,
    report: ({ what }) => said.push(what),
  })
  const wanted: Wanted = {
    instance: sampleInstance(),
    hostKeys: [hostKey],
    loginKey: new Secret('key'),
    firstBoot: true,
    ...changes,
  }
  try {
    const report = await awaitReady(progress, guest, wanted, guest.network)
    return { report, error: undefined, atMs: seam.monotonicMs(), said, guest }
  } catch (error) {
    if (!(error instanceof ProvisionError)) throw error
    return { report: undefined, error, atMs: seam.monotonicMs(), said, guest }
  }
}

export const climbing = (...rungs: InstanceSpec['ready']['rungs']): { readonly instance: InstanceSpec } => ({
  instance: sampleInstance({ ready: { rungs } }),
})

export const normalBoot: readonly ScriptEvent[] = [
  { atMs: 2_000, kind: 'addresses', addresses: { lease: [address] } },
  { atMs: 9_000, kind: 'sshd', address, sshd: ourSshd },
  { atMs: 20_000, kind: 'console', text: finished },
  result(20_060),
]
