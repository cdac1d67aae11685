import type { VmState } from '../hypervisor/contract.ts'
import type { GuestAddresses } from '../hypervisor/guest-access.ts'
import { Progress } from '../lib/progress.ts'
import type { ReadyRung } from '../spec/resolved.ts'
import { execThroughAgent } from './agent.ts'
import { type Climb, wantedAddresses } from './climb.ts'
import type { Facts, Trigger } from './failure-facts.ts'

/** What asking a failed guest may take in all; the error must not be late because the guest is. */
const gatherMs = 5_000
/** Console output that belongs to a sudden end arrives in a few pieces. */
const settleMs = 200
const tailLines = 20

/**
 * Asks all sources once more, each on its own, for the diagnosis of a failed climb. What does not answer is left
 * empty. Runs a little beyond the climb's own deadline.
 */
export async function gatherFacts(
  progress: Progress,
  climb: Climb,
  failed: { readonly rung: ReadyRung; readonly trigger: Trigger; readonly elapsedMs: number },
): Promise<Facts> {
  const { instance, firstBoot } = climb.wanted
  const asking = new Progress(progress.seam, {
    signal: progress.signal,
    deadlineMs: progress.seam.monotonicMs() + gatherMs,
  })
  if (failed.trigger.kind !== 'timeout') await asking.sleep(settleMs)
  const [state, addresses, cloudInitLog] = await Promise.all([
    answered(asking, () => climb.guest.state(asking), climb.state ?? ('unknown' as VmState)),
    answered(asking, () => climb.guest.addresses(asking), climb.addresses as GuestAddresses),
    failed.rung === 'cloud-init' ? answered(asking, () => readLog(asking, climb), []) : [],
  ])
  return {
    instance: instance.name,
    ...failed,
    firstBoot,
    state,
    interfaces: instance.interfaces.map(({ mac, network, dhcp4, dhcp6 }) => ({
      mac,
      network,
      dhcp: dhcp4 || dhcp6,
    })),
    wantedAddresses: wantedAddresses(instance),
    addresses,
    port: instance.ready.port,
    portAnswers: Object.fromEntries(climb.portAnswers),
    user: instance.cloudInit.user.name,
    ssh:
      climb.sshProblem === undefined
        ? undefined
        : { code: climb.sshProblem.code, message: climb.sshProblem.message },
    console: {
      problem: climb.console.problem,
      tail: climb.console.tail(tailLines).map(withoutSecrets),
      findings: climb.console.all(),
    },
    cloudInitLog,
  }
}

async function answered<T>(progress: Progress, ask: () => Promise<T>, otherwise: T): Promise<T> {
  const done = new AbortController()
  const late = progress
    .child({ signal: done.signal })
    .sleep(progress.remainingMs)
    .then(() => otherwise)
  late.catch(() => {})
  try {
    return await Promise.race([ask().catch(() => otherwise), late])
  } finally {
    done.abort()
    progress.check()
  }
}

const logPath = '/var/log/cloud-init.log'
const logPattern = 'WARNING\\|ERROR\\|CRITICAL\\|Traceback'
const logLines = 10

/** The first lines of cloud-init's log that tell of trouble. */
async function readLog(progress: Progress, climb: Climb): Promise<readonly string[]> {
  const grep = ['-m', String(logLines), logPattern, logPath]
  const text =
    climb.session?.alive === true
      ? (
          await climb.session.exec(
            progress,
            `sudo -n grep -m ${logLines} '${logPattern}' ${logPath} || grep -m ${logLines} '${logPattern}' ${logPath}`,
          )
        ).stdout
      : (await execThroughAgent(progress, climb.guest, 'grep', grep)).stdout
  return text
    .split('\n')
    .filter((line) => line !== '')
    .slice(0, logLines)
    .map(withoutSecrets)
}

/** Keeps what may be a secret out of errors: values after telling names, password hashes, keys. */
export function withoutSecrets(line: string): string {
  return line
    .replace(/\b(\w*(?:passw(?:or)?d|passphrase|secret|token|api_?key)\w*["']?\s*[:=]\s*)\S+/gi, '$1***')
    .replace(/\$(?:1|2[aby]|5|6|y|gy|7)\$[^\s'",:]+/g, '***')
    .replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----.*/g, '***')
}
