import type { PlanBuilder } from './builder.ts'
import { overlaysOf } from './overlays.ts'
import type { HostFacts, PlanInput } from './plan.ts'
import { disksOf } from './vm-plan.ts'

/**
 * What is done once all clones of a host are made, or failed: templates that were shut down start again (also those
 * that an earlier, interrupted run left off), and the workspace is emptied. Call it last.
 */
export function addCloneEndings(input: PlanInput, builder: PlanBuilder): void {
  for (const facts of input.hosts.values()) {
    addRestarts(input, facts, builder)
    addEmptying(input, facts, builder)
  }
}

export function addRestarts(input: PlanInput, facts: HostFacts, builder: PlanBuilder): void {
  const host = facts.spec.name
  const domains = new Map(input.spec.templates.map((template) => [template.domain, template]))
  for (const { domain } of domains.values()) {
    const template = facts.observed.vms.find(({ name }) => name === domain)
    if (template === undefined) continue
    const shutDown = builder.steps.find(
      (step) =>
        step.kind === 'shut-down-template' && step.host === host && step.template.spec.domain === domain,
    )
    const isDue = input.spec.templates.some(
      ({ id, domain: its }) => its === domain && facts.templates.get(id)?.restartDue === true,
    )
    const restarts = shutDown?.kind === 'shut-down-template' && shutDown.restart
    if (!restarts && !isDue) continue
    const paths = disksOf(template).map(({ path }) => path)
    const isProtected = builder.steps.some(
      (step) =>
        step.kind === 'protect-template' &&
        step.host === host &&
        step.paths.some((path) => paths.includes(path)),
    )
    if (isProtected || overlaysOf(facts.observed, paths).length > 0) continue
    const users = builder.steps
      .filter((step) => step.kind === 'clone-disk' && step.host === host && paths.includes(step.from.path))
      .map(({ id }) => id)
    builder.add(
      'start-template',
      { host },
      { domain },
      {
        title: `start template ${domain} again`,
        reason: 'it was shut down to be cloned',
        detail: domain,
        after: shutDown === undefined ? users : [shutDown.id, ...users],
        evenAfterFailure: true,
      },
    )
  }
}

function addEmptying({ spec: { cloning } }: PlanInput, facts: HostFacts, builder: PlanBuilder): void {
  if (cloning.workspace === undefined || !cloning.emptyWorkspace) return
  const clones = builder.steps
    .filter((step) => step.kind === 'clone-disk' && step.host === facts.spec.name)
    .map(({ id }) => id)
  if (clones.length > 0) addEmptyWorkspace(builder, facts, cloning.workspace, clones)
}

export const addEmptyWorkspace = (
  builder: PlanBuilder,
  facts: HostFacts,
  path: string,
  after: readonly string[],
): string =>
  builder.add(
    'empty-workspace',
    { host: facts.spec.name },
    { path },
    {
      title: `empty the workspace ${path}`,
      reason: 'it holds only what is not complete',
      after,
      evenAfterFailure: true,
    },
  )
