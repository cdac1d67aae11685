import type { PlanBuilder } from '../builder.ts'
import type { ApplyRequest, FieldChange, Finding, HostFacts, PlanInput, ResourceChange } from '../plan.ts'
import { finding, list } from '../preflight/finding.ts'
import { decideNetwork, type NetworkDecision } from './decide.ts'
import { addReattachments } from './reattach.ts'
import { decideRules, type RuleDecision } from './rules.ts'
import { neededNetworks } from './needed.ts'
import { unneededFindings } from './unneeded.ts'

export interface NetworkPlan {
  readonly resources: readonly ResourceChange[]
  readonly findings: readonly Finding[]
  /** What was decided, by host; only of hosts that need networks. */
  readonly decisions: ReadonlyMap<string, readonly NetworkDecision[]>
  readonly steps: NetworkSteps
}

/** Ids of the steps that machines on a network wait for: by host, then by the network's name there. */
export type NetworkSteps = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>

export const noNetworks: NetworkPlan = {
  resources: [],
  findings: [],
  decisions: new Map(),
  steps: new Map(),
}

/**
 * Makes, starts and changes the networks that the instances need, and puts their rules into force (K4, K6). Machines
 * that lost a network, or lose it on the way, are attached again. Networks that nobody needs any more stay.
 */
export function addNetworks(
  input: PlanInput,
  request: Pick<ApplyRequest, 'restartNetworks'>,
  builder: PlanBuilder,
): NetworkPlan {
  const resources: ResourceChange[] = []
  const findings: Finding[] = []
  const decisions = new Map<string, readonly NetworkDecision[]>()
  const steps = new Map<string, ReadonlyMap<string, readonly string[]>>()
  for (const [host, facts] of input.hosts) {
    const ofHost = neededNetworks(input.spec, host, input.instances).map((network) =>
      decideNetwork(input, facts, network, request),
    )
    findings.push(...unneededFindings(input, facts))
    if (ofHost.length === 0) continue
    decisions.set(host, ofHost)
    const waits = new Map<string, readonly string[]>()
    for (const decision of ofHost) {
      const made = addNetwork(host, decision, builder)
      const ruled = addRules(facts, decision, builder, made.steps)
      waits.set(decision.network.name, [...made.steps, ...ruled.steps])
      resources.push(...made.resources, ...ruled.resources)
      findings.push(...made.findings)
    }
    addReattachments(facts, ofHost, builder, waits)
    steps.set(host, waits)
  }
  return { resources, findings, decisions, steps }
}

interface Added {
  readonly steps: readonly string[]
  readonly resources: readonly ResourceChange[]
  readonly findings: readonly Finding[]
}

function addNetwork(host: string, decision: NetworkDecision, builder: PlanBuilder): Added {
  const { name } = decision.network
  const change = (
    action: ResourceChange['action'],
    reason: string,
    fields: readonly FieldChange[] = [],
  ): ResourceChange => ({ kind: 'network', name, host, action, reason, fields })
  const ensure = (title: string, reason: string): string =>
    builder.add('ensure-network', { host }, { network: decision.wanted }, { title, reason, detail: name })
  const restart = (title: string, reason: string): string =>
    builder.add(
      'update-network',
      { host },
      { network: decision.wanted, how: 'restart' },
      { title, reason, detail: name },
    )
  const spec = 'the spec says otherwise'
  switch (decision.kind) {
    case 'create': {
      const reason = 'it does not exist'
      return added(change('create', reason), [
        ensure(`make network ${name} (${decision.wanted.mode})`, reason),
      ])
    }
    case 'start': {
      const reason = 'it is not active'
      const { fields } = decision
      if (fields.length === 0)
        return added(change('start', reason), [ensure(`start network ${name}`, reason)])
      return added(change('update', `${reason}, and ${spec}`, fields), [
        restart(`change and start network ${name}`, reason),
      ])
    }
    case 'restart': {
      const { fields, connected } = decision
      const lose = connected.length === 1 ? 'loses' : 'lose'
      const losing =
        connected.length === 0 ? 'nobody is connected' : `${list(connected)} ${lose} it meanwhile`
      return added(change('restart', `${spec}; ${losing}`, fields), [
        restart(`restart network ${name} (${losing})`, fieldNames(fields)),
      ])
    }
    case 'live': {
      const { fields, pending, definition } = decision
      const step = builder.add(
        'update-network',
        { host },
        { network: definition, how: 'live' },
        { title: `change network ${name} while it runs`, reason: fieldNames(fields), detail: name },
      )
      const waiting = pending.length === 0 ? [] : [pendingFinding(host, decision, pending)]
      return { ...added(change('update', spec, [...fields, ...pending]), [step]), findings: waiting }
    }
    case 'pending': {
      const { pending } = decision
      const reason = `it would have to be restarted; ${list(decision.connected)} would lose it`
      return {
        steps: [],
        resources: [change('blocked', reason, pending)],
        findings: [pendingFinding(host, decision, pending)],
      }
    }
    case 'foreign':
    case 'renamed':
      return { steps: [], resources: [change('blocked', 'see the problem below')], findings: [] }
    case 'none':
      return { steps: [], resources: [], findings: [] }
  }
}

const added = (resource: ResourceChange, steps: readonly string[]): Added => ({
  steps,
  resources: [resource],
  findings: [],
})

const fieldNames = (fields: readonly FieldChange[]): string => fields.map(({ field }) => field).join(', ')

const pendingFinding = (
  host: string,
  { network: { id, name }, connected }: NetworkDecision,
  pending: readonly FieldChange[],
): Finding =>
  finding(
    'warning',
    'network.in-use',
    `network ${id} on ${host}`,
    `The network ${name} differs (${fieldNames(pending)}) and would have to be restarted: ${list(connected)} would lose it. It is left as it is.`,
    `Ask for it with \`--restart-network ${id}\` (the machines are attached again), or shut them down first.`,
  )

function addRules(
  facts: HostFacts,
  networkDecision: NetworkDecision,
  builder: PlanBuilder,
  after: readonly string[],
): Added {
  const { wanted } = networkDecision
  const { name } = wanted
  const host = facts.spec.name
  const decision: RuleDecision =
    facts.can.noShell === undefined ? decideRules(facts, networkDecision) : { kind: 'none' }
  const change = (
    action: ResourceChange['action'],
    reason: string,
    fields: readonly FieldChange[],
  ): ResourceChange => ({ kind: 'rules', name, host, action, reason, fields })
  switch (decision.kind) {
    case 'apply': {
      const { action, reason, fields } = decision
      const title = `put the forwarding rules of network ${name} into force`
      const text = { title, reason, detail: name, after }
      return added(change(action, reason, fields), [
        builder.add('apply-rules', { host }, { rules: decision.rules }, text),
      ])
    }
    case 'remove': {
      const owner = { project: wanted.mark.project, network: name }
      const reason = 'the spec has no forwarding for it'
      const text = { title: `remove the forwarding rules of network ${name}`, reason, detail: name, after }
      return added(change('remove', reason, []), [builder.add('remove-rules', { host }, { owner }, text)])
    }
    case 'none':
      return { steps: [], resources: [], findings: [] }
  }
}
