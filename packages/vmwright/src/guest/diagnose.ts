import type { ErrorCode } from '@vmwright/contract'
import type { ReadyRung } from '../spec/resolved.ts'
import { failuresOf, foundNoDataSource } from './cloud-init-result.ts'
import type { CloudInitOutcome } from './cloud-init-wait.ts'
import { sameAddress, seenAddresses } from './climb.ts'
import type { Finding, FindingKind } from './console.ts'
import type { Facts } from './failure-facts.ts'

export interface Diagnosis {
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string
  readonly details: Readonly<Record<string, unknown>>
  readonly retryable: boolean
}

type Verdict = Pick<Diagnosis, 'code' | 'message' | 'hint'>

/** Says what is wrong, how one can tell, and what to do next. Pure. */
export function diagnose(facts: Facts): Diagnosis {
  const verdict = fromTrigger(facts) ?? fromConsole(facts) ?? fromRung(facts)
  return { ...verdict, details: detailsOf(facts), retryable: facts.trigger.kind === 'timeout' }
}

function fromTrigger(facts: Facts): Verdict | undefined {
  const { trigger, instance } = facts
  switch (trigger.kind) {
    case 'timeout':
      return undefined
    case 'console':
      return fromFinding(facts, trigger.finding)
    case 'stopped':
      return fromConsole(facts) ?? stopped(facts)
    case 'cloud-init':
      return fromCloudInit(facts, trigger.outcome)
    case 'refused':
      return {
        code: trigger.code,
        message: trigger.message,
        hint:
          trigger.code === 'guest.host-key-mismatch'
            ? `Another machine may answer at this address; compare with the guest itself: vmwright console ${instance}`
            : `Look at the guest itself: vmwright console ${instance}`,
      }
  }
}

const stopped = ({ instance, state, rung }: Facts): Verdict => ({
  code: 'guest.stopped',
  message: `${instance} ${state === 'crashed' ? 'crashed' : 'stopped'} while its ${rungNames[rung]} was waited for.`,
  hint: `Read the last console lines above, then start it again and watch: vmwright apply ${instance}, and vmwright console ${instance} in another terminal.`,
})

/** What the console says explains any rung that was missed, the gravest first. */
function fromConsole(facts: Facts): Verdict | undefined {
  for (const kind of ['kernel-panic', 'no-boot-device', 'emergency-mode', 'no-data-source'] as const) {
    const finding = facts.console.findings.findLast((each) => each.kind === kind)
    const verdict = finding === undefined ? undefined : fromFinding(facts, finding)
    if (verdict !== undefined) return verdict
  }
  return undefined
}

function fromFinding(facts: Facts, finding: Finding): Verdict | undefined {
  const { instance } = facts
  switch (finding.kind) {
    case 'kernel-panic':
      return {
        code: 'guest.kernel-panic',
        message: `The kernel of ${instance} panicked: ${finding.line}`,
        hint: has(facts, 'out-of-memory')
          ? `It ran out of memory: raise \`memory\` of ${instance} and run vmwright apply ${instance}.`
          : `Read what led to it, then check the image and its machine type: vmwright console ${instance}`,
      }
    case 'no-boot-device':
      return {
        code: 'guest.no-boot-device',
        message: `${instance} found nothing to boot from: ${finding.line}`,
        hint: `Check that \`firmware\` fits the image (bios or uefi) and that the image is a bootable disk: vmwright console ${instance}`,
      }
    case 'emergency-mode':
      return {
        code: 'guest.emergency-mode',
        message: `${instance} stopped its boot in emergency mode: ${finding.line}`,
        hint: `Find the unit or mount that failed in the console: vmwright console ${instance}`,
      }
    case 'no-data-source':
      return facts.firstBoot ? noDataSource(facts, finding.line) : undefined
    case 'out-of-memory':
    case 'cloud-init-stage':
    case 'cloud-init-error':
    case 'cloud-init-finished':
    case 'login-prompt':
      return undefined
  }
}

const noDataSource = ({ instance }: Facts, evidence: string): Verdict => ({
  code: 'guest.no-datasource',
  message: `cloud-init in ${instance} did not find its seed: ${evidence}`,
  hint: `Set \`seedBus: scsi\` for the image (its kernel must have a driver for the seed's bus), then vmwright apply --replace ${instance}; what the guest sees: vmwright console ${instance}`,
})

function fromCloudInit(facts: Facts, outcome: CloudInitOutcome): Verdict {
  const { instance } = facts
  switch (outcome.kind) {
    case 'disabled':
      return noDataSource(
        facts,
        'it switched itself off at boot, as it also does where there is /etc/cloud/cloud-init.disabled',
      )
    case 'recorded':
      return foundNoDataSource(outcome.record) && facts.firstBoot
        ? noDataSource(facts, outcome.record.dataSource ?? '')
        : cloudInitFailed(instance, failuresOf(outcome.record)[0] ?? 'no reason recorded')
    case 'unconfirmed': {
      const line = facts.console.findings.find((each) => each.kind === 'cloud-init-error')?.line
      if (line !== undefined) return cloudInitFailed(instance, line)
      return noDataSource(facts, outcome.line)
    }
  }
}

const cloudInitFailed = (instance: string, line: string): Verdict => ({
  code: 'guest.cloud-init-failed',
  message: `cloud-init in ${instance} finished with errors: ${shortened(line)}`,
  hint: `Read its log: vmwright ssh ${instance} -- sudo cat /var/log/cloud-init.log /var/log/cloud-init-output.log`,
})

/** cloud-init puts whole outputs of commands into one line; `details` has all of it. */
const shortened = (line: string): string => (line.length <= 200 ? line : `${line.slice(0, 199)}…`)

/** Nothing special happened; the time is up. */
function fromRung(facts: Facts): Verdict {
  if (facts.state === 'stopped' || facts.state === 'crashed') return stopped(facts)
  if (facts.rung !== 'started' && bootedWithoutCloudInit(facts))
    return noDataSource(facts, 'it reached the login prompt, and cloud-init never spoke on the console')
  const seen = seenAddresses(facts.addresses)
  switch (facts.rung) {
    case 'started':
      return notReady(facts, `${facts.instance} is not running but ${facts.state}`)
    case 'address':
      return addressVerdict(facts, seen)
    case 'port':
      return isElsewhere(facts, seen) || (facts.wantedAddresses.length === 0 && seen.length === 0)
        ? addressVerdict(facts, seen)
        : portVerdict(facts)
    case 'ssh':
      return sshVerdict(facts, seen)
    case 'agent':
      return {
        code: 'guest.agent-silent',
        message: `The guest agent of ${facts.instance} did not answer within ${seconds(facts)}.`,
        hint: `Add qemu-guest-agent to \`packages\`, or leave \`agent\` out of \`ready.rungs\`; see whether it runs: vmwright ssh ${facts.instance} -- systemctl status qemu-guest-agent`,
      }
    case 'cloud-init':
      return cloudInitVerdict(facts)
  }
}

/** A seed on a bus without a driver keeps cloud-init off without a word. */
const bootedWithoutCloudInit = (facts: Facts): boolean =>
  facts.firstBoot &&
  has(facts, 'login-prompt') &&
  !has(facts, 'cloud-init-stage') &&
  !has(facts, 'cloud-init-finished')

const isElsewhere = ({ wantedAddresses, interfaces }: Facts, seen: readonly string[]): boolean =>
  wantedAddresses.length > 0 &&
  interfaces.every((each) => !each.dhcp) &&
  seen.length > 0 &&
  !seen.some((each) => wantedAddresses.some((wanted) => sameAddress(each, wanted)))

function addressVerdict(facts: Facts, seen: readonly string[]): Verdict {
  const { instance, wantedAddresses: wanted } = facts
  const networks = [...new Set(facts.interfaces.map((each) => each.network))]
  if (wanted.length > 0 && seen.length > 0)
    return {
      code: 'guest.wrong-address',
      message: `${instance} has ${seen.join(', ')} instead of ${wanted.join(', ')}.`,
      hint: `See what the guest made of its network configuration: vmwright console ${instance}, then \`ip address\` and \`cloud-init query --all\``,
    }
  const silent = facts.console.problem === undefined && facts.console.tail.length === 0
  return {
    code: 'guest.no-address',
    message: `${instance} got no address on ${networks.join(', ')} within ${seconds(facts)}${
      silent ? '; its console printed nothing, so it may not boot at all' : ''
    }.`,
    hint: silent
      ? `Check that \`firmware\` and \`machine\` fit the image, then watch a start: vmwright console ${instance}`
      : wanted.length > 0
        ? `Check the address, the gateway and the network of the instance: vmwright console ${instance}`
        : `Check that DHCP serves the network (virsh net-dhcp-leases ${networks[0] ?? 'NETWORK'}): vmwright console ${instance}`,
  }
}

function portVerdict(facts: Facts): Verdict {
  const { instance, port } = facts
  const answers = Object.entries(facts.portAnswers)
  const refused = answers.find(([, answer]) => answer === 'refused')
  return {
    code: 'guest.port-closed',
    message:
      refused === undefined
        ? `Nothing answers on port ${port} of ${instance} (${answers.map(([address]) => address).join(', ') || 'no address'}${
            onlyLeased(facts) ? ', known only from a lease that may be an old one' : ''
          }) within ${seconds(facts)}.`
        : `${instance} is up at ${refused[0]} but refuses port ${port}.`,
    hint:
      refused === undefined
        ? `Check the route from here to the guest and its firewall: ping ${answers[0]?.[0] ?? 'ADDRESS'}; then vmwright console ${instance}`
        : `The service does not listen (yet): vmwright console ${instance}, then \`ss -ltn\``,
  }
}

/** A guest that was made again has the MAC of the one before, and with it the lease, before it asks for one. */
const onlyLeased = ({ addresses }: Facts): boolean =>
  addresses.lease.length > 0 && addresses.arp.length === 0 && addresses.agent.length === 0

function sshVerdict(facts: Facts, seen: readonly string[]): Verdict {
  const { instance, ssh, user } = facts
  if (ssh?.code === 'guest.ssh-refused')
    return {
      code: ssh.code,
      message: `${instance} refuses the SSH login of ${user}.`,
      hint: has(facts, 'cloud-init-finished')
        ? `Check \`user\` and \`sshKeys\` of the instance; they are only read at the first boot: vmwright apply --replace ${instance}`
        : `cloud-init may not have made the user: vmwright console ${instance}`,
    }
  if (ssh?.code === 'guest.host-key-mismatch')
    return {
      code: ssh.code,
      message: ssh.message,
      hint: `Another machine may answer at this address; compare with the guest itself: vmwright console ${instance}`,
    }
  if (seen.length === 0 && facts.wantedAddresses.length === 0) return addressVerdict(facts, seen)
  if (isElsewhere(facts, seen)) return addressVerdict(facts, seen)
  return {
    code: 'guest.port-closed',
    message: ssh?.message ?? `${instance} did not answer on SSH within ${seconds(facts)}.`,
    hint: `See whether sshd runs: vmwright console ${instance}, then \`systemctl status ssh\``,
  }
}

function cloudInitVerdict(facts: Facts): Verdict {
  const { instance } = facts
  const stage = facts.console.findings.findLast((each) => each.kind === 'cloud-init-stage')?.detail
  if (has(facts, 'cloud-init-finished'))
    return notReady(facts, `cloud-init of ${instance} ended, but its result could not be read`)
  if (has(facts, 'out-of-memory'))
    return {
      ...notReady(facts, `cloud-init of ${instance} did not finish; the guest ran out of memory`),
      hint: `Raise \`memory\` of ${instance}, then vmwright apply --replace ${instance}.`,
    }
  return notReady(
    facts,
    stage === undefined
      ? `cloud-init of ${instance} did not finish`
      : `cloud-init of ${instance} is still in its stage ${stage}`,
  )
}

const notReady = (facts: Facts, what: string): Verdict => ({
  code: 'guest.not-ready',
  message: `${what} after ${seconds(facts)}.`,
  hint: `Watch it: vmwright console ${facts.instance}; if it is only slow, raise \`ready.timeouts\` and run vmwright apply again, which goes on waiting.`,
})

const rungNames: Readonly<Record<ReadyRung, string>> = {
  started: 'start',
  address: 'address',
  port: 'port',
  ssh: 'SSH',
  agent: 'guest agent',
  'cloud-init': 'cloud-init',
}

const detailsOf = (facts: Facts): Readonly<Record<string, unknown>> => ({
  instance: facts.instance,
  rung: facts.rung,
  elapsedMs: Math.round(facts.elapsedMs),
  state: facts.state,
  interfaces: facts.interfaces,
  wantedAddresses: facts.wantedAddresses,
  addresses: facts.addresses,
  portAnswers: facts.portAnswers,
  ...(facts.ssh === undefined ? {} : { ssh: facts.ssh.message }),
  ...(facts.console.problem === undefined ? {} : { consoleProblem: facts.console.problem }),
  ...(facts.cloudInitLog.length === 0 ? {} : { cloudInitLog: facts.cloudInitLog }),
  ...(facts.trigger.kind === 'cloud-init' ? { cloudInit: facts.trigger.outcome } : {}),
  console: facts.console.tail,
})

const has = (facts: Facts, kind: FindingKind): boolean =>
  facts.console.findings.some((finding) => finding.kind === kind)

const seconds = ({ elapsedMs }: Facts): string =>
  elapsedMs < 10_000 ? `${(elapsedMs / 1_000).toFixed(1)} s` : `${Math.round(elapsedMs / 1_000)} s`
