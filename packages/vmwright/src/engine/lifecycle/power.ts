import type { Hypervisor } from '../../hypervisor/contract.ts'
import { isProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { LifecycleSpec } from '../../spec/resolved-lifecycle.ts'

const startAttempts = 3
const betweenStartsMs = 2_000

/** Starts a machine that is off; tries again what failed. Throws what the last attempt threw. */
export async function startMachine(progress: Progress, host: Hypervisor, name: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await host.startVm(progress, name)
    } catch (error) {
      progress.check()
      if (attempt === startAttempts || !isProvisionError(error)) throw error
      await progress.sleep(betweenStartsMs)
    }
  }
}

/**
 * Asks the guest to shut down so many times, with so much time between, and powers it off when it does not. Tells in
 * words how that went; nothing to do for one that is off.
 */
export async function shutDown(
  progress: Progress,
  host: Hypervisor,
  name: string,
  { attempts, delayMs }: LifecycleSpec['shutdown'],
): Promise<string | undefined> {
  const state = await host.guest(name).state(progress)
  if (state === 'stopped') return 'it was off already'
  if (state === 'running') {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      try {
        await host.stopVm(progress.child({ timeoutMs: delayMs }), name, 'graceful')
        return attempt === 1 ? undefined : `asked ${attempt} times`
      } catch (error) {
        progress.check()
        if (!isProvisionError(error, 'wait.timeout')) throw error
      }
    }
  }
  await host.stopVm(progress, name, 'force')
  const asked = attempts === 1 ? 'once' : `${attempts} times`
  return state === 'running'
    ? `powered off: it was asked ${asked} to shut down`
    : `powered off: it was ${state}`
}
