import type { Change, FieldChange, Finding, Plan } from '../../plan/plan.ts'
import { unblockedInstances } from '../../plan/unblocked.ts'
import { tally } from './plan-summary.ts'
import { otherSteps, resourceLines } from './plan-text-resources.ts'

const symbols: Readonly<Record<Change['action'], string>> = {
  none: ' ',
  create: '+',
  continue: '+',
  update: '~',
  start: '~',
  restart: '~',
  finish: '~',
  replace: '±',
  reseed: '~',
  adopt: '~',
  destroy: '-',
  'remove-leftovers': '-',
  'keep-foreign': '!',
  blocked: '!',
}

/** The plan as a person reads it. `steps` adds what exactly is done. */
export function renderPlan(plan: Plan, detail: 'changes' | 'steps'): string {
  if (plan.stage === 'preflight')
    return [...templateLines(plan), ...plan.findings.map(renderFinding), verdict(plan)]
      .join('\n')
      .concat('\n')
  const changes = plan.changes.filter((change) => change.action !== 'none' || change.fields.length > 0)
  const steps = Map.groupBy(detail === 'steps' ? plan.steps : [], ({ instance }) => instance)
  const lines = changes.flatMap((change) => [
    `${symbols[change.action]} ${change.instance} on ${change.host}: ${actionText(change)}`,
    ...change.fields.map(
      (field) => `    ${field.field}: ${field.from} → ${field.to}  (${howText(field, change.instance)})`,
    ),
    ...(steps.get(change.instance) ?? []).map((step) => `      ${step.title}`),
  ])
  const shared = otherSteps(plan).map((step) => `* ${step.host}: ${step.title}`)
  const unchanged = plan.changes.length - changes.length
  return [
    ...templateLines(plan),
    ...shared,
    ...resourceLines(plan, detail),
    ...lines,
    ...plan.findings.map(renderFinding),
    summary(plan, unchanged),
  ]
    .join('\n')
    .concat('\n')
}

/** T8. Templates that may be cloned; what speaks against the others is among the findings. */
function templateLines({ templates, findings }: Plan): readonly string[] {
  const faulty = new Set(findings.flatMap(({ severity, object }) => (severity === 'error' ? [object] : [])))
  return templates
    .filter(({ host, template }) => !faulty.has(`template ${template} on ${host}`))
    .map(({ host, template, domain, validated }) => {
      const how = validated === 'earlier' ? 'unchanged since it was validated' : 'validated'
      return `* ${host}: template ${template} (${domain}): ${how}`
    })
}

const actionText = (change: Change): string =>
  change.action === 'none' ? change.reason : `${change.action.replaceAll('-', ' ')}: ${change.reason}`

function howText(field: FieldChange, instance: string): string {
  switch (field.how) {
    case 'in-place':
      return 'changed now'
    case 'restart':
      return `acts from the next start; --restart ${instance} does it now`
    case 'replacement':
      return `needs a new machine: --replace ${instance}`
    case 'cloud-init':
      return `first boot is over: --reseed ${instance} runs cloud-init again, --replace ${instance} starts afresh, or do it by hand`
  }
}

export const renderFinding = (finding: Finding): string =>
  `${finding.severity}: ${finding.object}: ${finding.message}${finding.hint === undefined ? '' : `\n    ${finding.hint}`} [${finding.code}]`

/** Of a preflight, which makes no plan. */
function verdict({ findings }: Plan): string {
  const errors = findings.filter((finding) => finding.severity === 'error').length
  if (errors > 0) return `${errors} ${errors === 1 ? 'problem' : 'problems'} found.`
  return findings.length > 0 ? 'Nothing found that speaks against it.' : 'No findings.'
}

/** More names than these are not typed from a screen. */
const namesShown = 10

function summary(plan: Plan, unchanged: number): string {
  const errors = plan.findings.filter((finding) => finding.severity === 'error').length
  if (errors > 0) {
    const others = unblockedInstances(plan)
    return [
      `${errors} ${errors === 1 ? 'problem speaks' : 'problems speak'} against it; nothing was done.`,
      ...(others.length === 0
        ? []
        : [
            `To go on with the others: vmwright apply ${others.length > namesShown ? 'NAME…' : others.join(' ')}`,
          ]),
    ].join('\n')
  }
  if (plan.steps.length === 0)
    return unchanged === plan.changes.length && plan.resources.length === 0
      ? 'Nothing to do: the hosts are as the spec says.'
      : 'Nothing to do.'
  const counted = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`
  const done = tally(plan)
  const stay =
    unchanged === 0
      ? ''
      : `; ${counted(unchanged, 'instance')} ${unchanged === 1 ? 'stays as it is' : 'stay as they are'}`
  return `${counted(plan.steps.length, 'step')}${done === '' ? '' : `: ${done}`}${stay}.`
}
