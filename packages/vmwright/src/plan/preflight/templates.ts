import type { ObservedVm } from '../../hypervisor/contract.ts'
import { formatBytes } from '../../lib/units.ts'
import type { TemplateSpec } from '../../spec/resolved.ts'
import { diskProblems } from '../../templates/disk-problems.ts'
import { virtualSizeBytes } from '../../templates/header.ts'
import type { Finding, HostFacts, PlanInput } from '../plan.ts'
import { changedTemplate } from '../template-drift.ts'
import { volumeAt } from '../volume-index.ts'
import type { TemplatePlan, VmPlan } from '../vm-plan.ts'
import { finding, list } from './finding.ts'

/** All that speaks against cloning a template on a host, whoever wants to (T3). */
export function templateProblems(facts: HostFacts, template: TemplateSpec): readonly Finding[] {
  const { observed, spec } = facts
  const object = `template ${template.id} on ${spec.name}`
  const machine = observed.vms.find(({ name }) => name === template.domain)
  if (machine === undefined) {
    const others = observed.vms.filter(({ mark }) => mark === undefined).map(({ name }) => name)
    return [
      finding(
        'error',
        'template.not-found',
        object,
        `There is no machine ${template.domain} on ${spec.name}.`,
        `Machines that were not made by vmwright: ${list(others)}. Correct \`domain\` of the template.`,
      ),
    ]
  }
  const known = facts.templates.get(template.id)
  return [
    ...powerProblems(object, template, machine),
    ...(known === undefined
      ? []
      : diskProblems(template, machine, observed, known).map(({ message, hint }) =>
          finding('error', 'template.disk-invalid', object, message, hint),
        )),
  ]
}

function powerProblems(
  object: string,
  template: TemplateSpec,
  { name, state }: ObservedVm,
): readonly Finding[] {
  if (state === 'stopped' || state === 'crashed') return []
  if (state === 'running' && template.whenRunning === 'shut-down') return []
  const isPaused = state === 'paused'
  return [
    finding(
      'error',
      'template.running',
      object,
      `The machine ${name} is ${state}: its disks can only be copied while it is off.`,
      isPaused
        ? `Resume it and shut it down: virsh resume ${name}`
        : `Shut it down (virsh shutdown ${name}), or set \`whenRunning: shut-down\` for the template.`,
    ),
  ]
}

/** Templates of the machines to create, and those under overlays that exist. */
export function templateFindings(
  input: PlanInput,
  facts: HostFacts,
  creating: readonly VmPlan[],
): readonly Finding[] {
  const clones = creating.flatMap((vm) =>
    vm.source.kind === 'template' ? [{ vm, template: vm.source.template }] : [],
  )
  const templates = new Map(clones.map(({ template }) => [template.spec.id, template.spec]))
  return [
    ...shellFindings(facts, clones),
    ...[...templates.values()].flatMap((template) => templateProblems(facts, template)),
    ...deviceFindings(clones),
    ...shrinkFindings(facts, clones),
    ...changedFindings(input, facts, clones),
    ...spaceFindings(facts, clones),
  ]
}

interface Clone {
  readonly vm: VmPlan
  readonly template: TemplatePlan
}

function shellFindings({ can, spec, whyNoEdit }: HostFacts, clones: readonly Clone[]): readonly Finding[] {
  if (clones.length === 0) return []
  const host = `host ${spec.name}`
  const names = list(clones.map(({ vm }) => vm.instance.name))
  if (can.noShell !== undefined)
    return [
      finding(
        'error',
        'host.no-shell',
        host,
        `No command can be run on ${spec.name} (${can.noShell}), which the clones ${names} need.`,
      ),
    ]
  const offline = clones.filter(({ vm }) => vm.seed === undefined)
  if (whyNoEdit === undefined || offline.length === 0) return []
  return [
    finding(
      'error',
      'host.tool-missing',
      host,
      `Files cannot be written into the disks of ${list(offline.map(({ vm }) => vm.instance.name))}: ${whyNoEdit}.`,
      'Install libguestfs on that host (Debian: apt-get install guestfish), or set `identity: cloud-init` for the template.',
    ),
  ]
}

/** A disk that the spec adds under a name that the template's machine has. */
const deviceFindings = (clones: readonly Clone[]): readonly Finding[] =>
  clones.flatMap(({ vm, template }) =>
    vm.instance.extraDisks
      .filter(({ device }) => template.disks.some((disk) => disk.device === device))
      .map(({ device }) =>
        finding(
          'error',
          'disk.conflict',
          `instance ${vm.instance.name}`,
          `Its extra disk ${device} has the device of a disk of the template ${template.spec.id}.`,
          `The template has ${list(template.disks.map((disk) => disk.device))}: give the extra disk another \`device\`.`,
        ),
      ),
  )

/** A first disk that would be smaller than the template's. */
const shrinkFindings = ({ templates }: HostFacts, clones: readonly Clone[]): readonly Finding[] =>
  clones.flatMap(({ vm: { instance, disks }, template }) => {
    const file = templates.get(template.spec.id)?.files.get(template.disks[0]?.path ?? '')
    const has = file === undefined ? undefined : virtualSizeBytes(file)
    const wanted = disks[0]?.sizeBytes
    if (has === undefined || wanted === undefined || wanted >= has) return []
    return [
      finding(
        'error',
        'disk.shrink-refused',
        `instance ${instance.name}`,
        `Its disk of ${formatBytes(wanted)} is smaller than that of the template ${template.spec.id} (${formatBytes(has)}).`,
        `Set \`rootDisk.size\` to at least ${formatBytes(has)}, or leave it out.`,
      ),
    ]
  })

/** Overlays whose base is no longer what it was: no more of them, and a warning about those that there are. */
function changedFindings(input: PlanInput, facts: HostFacts, clones: readonly Clone[]): readonly Finding[] {
  const { observed, spec } = facts
  const damaged = new Map<string, string[]>()
  const anew = new Set(clones.map(({ vm }) => vm.instance.name))
  for (const machine of observed.vms) {
    if (anew.has(machine.name)) continue
    const template = changedTemplate(input.spec, observed, machine, facts.templates)
    if (template !== undefined) damaged.set(template, [...(damaged.get(template) ?? []), machine.name])
  }
  return [...damaged].map(([id, names]) => {
    const isUsed = clones.some(({ template }) => template.spec.id === id && template.mode === 'overlay')
    return finding(
      isUsed ? 'error' : 'warning',
      'template.changed',
      `template ${id} on ${spec.name}`,
      `Its disks changed although the disks of ${list(names)} rest on them.`,
      `Restore the template from a backup, or make those machines anew: --replace ${names.join(' --replace ')}`,
    )
  })
}

/**
 * A copy takes what the template's files take. That is not sure where blocks may be shared instead, and of raw files
 * outside of pools, which may have holes.
 */
function spaceFindings(
  { observed, spec, templates }: HostFacts,
  clones: readonly Clone[],
): readonly Finding[] {
  return observed.pools.flatMap((pool) => {
    let sureBytes = 0
    let likelyBytes = 0
    for (const { vm, template } of clones) {
      if (vm.pool !== pool.name || template.mode === 'overlay' || template.mode === 'reflink') continue
      for (const { path, format } of template.disks) {
        const inPool = volumeAt(observed, path)?.allocationBytes
        const bytes = inPool ?? templates.get(template.spec.id)?.files.get(path)?.sizeBytes ?? 0
        const isSure = template.mode === 'copy' && (inPool !== undefined || format === 'qcow2')
        likelyBytes += bytes
        if (isSure) sureBytes += bytes
      }
    }
    if (!pool.active || likelyBytes <= pool.freeBytes) return []
    const isSure = sureBytes > pool.freeBytes
    const needed = formatBytes(isSure ? sureBytes : likelyBytes)
    return [
      finding(
        isSure ? 'error' : 'warning',
        'pool.full',
        `host ${spec.name}`,
        `The pool ${pool.name} has ${formatBytes(pool.freeBytes)} free; the clones need ${isSure ? '' : 'up to '}${needed}.`,
        `Free space in ${pool.path ?? pool.name}, or use \`clone: overlay\`.`,
      ),
    ]
  })
}
