import type { ObservedVm } from '../../hypervisor/contract.ts'
import { ProvisionError } from '../../lib/errors.ts'
import type { Change, Plan } from '../../plan/plan.ts'
import type { InstanceSpec } from '../../spec/resolved.ts'
import { isSameContent } from '../../templates/identity.ts'

/** What has to be done before a guest is there as the spec says. */
export type Existence =
  { readonly kind: 'there' } | { readonly kind: 'make' | 'anew' | 'update'; readonly because: string }

export interface ExistenceFacts {
  readonly instance: InstanceSpec
  readonly project: string
  readonly vm: ObservedVm | undefined
  /** Digest of the image, or identity of the template, that it would be made of now; `undefined`: not known. */
  readonly digest: string | undefined
  /** Of the stage `provision`, for this instance alone. */
  readonly plan: Pick<Plan, 'changes' | 'findings' | 'steps'>
  readonly rebuild: boolean
}

/**
 * G1. Whether a machine is there, has to be made, or made anew because its image or its hardware is another one than
 * the spec says. Throws `vm.foreign`, `run.not-disposable`. Pure.
 */
export function existenceOf(facts: ExistenceFacts): Existence {
  const { instance, vm, plan, rebuild } = facts
  if (vm === undefined) return { kind: 'make', because: 'it was not there' }
  if (vm.mark?.project !== facts.project)
    throw new ProvisionError('vm.foreign', {
      message: `The machine ${instance.name} on ${instance.host} was not made by vmwright for project ${facts.project}.`,
    })
  if (vm.mark.stage === 'creating') return { kind: 'make', because: 'its creation was interrupted' }
  if (rebuild) return { kind: 'anew', because: 'asked for by --rebuild' }
  const differences = differencesOf(facts, vm.mark.image)
  if (differences.length > 0) {
    if (!instance.disposable) throw notDisposable(instance, differences)
    return { kind: 'anew', because: differences.join('; ') }
  }
  if (vm.mark.stage === 'created') return { kind: 'make', because: 'its first boot was interrupted' }
  return plan.steps.length === 0 ? { kind: 'there' } : { kind: 'update', because: updateOf(plan) }
}

/** In short phrases. */
function differencesOf(
  { plan, digest, instance }: ExistenceFacts,
  image: { readonly kind: 'image' | 'template'; readonly digest: string },
): readonly string[] {
  const change = plan.changes.find((each) => each.instance === instance.name)
  const isOther =
    digest !== undefined &&
    image.digest !== 'adopted' &&
    image.kind === instance.source.kind &&
    !(image.kind === 'image' ? image.digest === digest : isSameContent(image.digest, digest))
  return [
    ...(isOther ? [`its ${image.kind} ${instance.source.id} is another one by now`] : []),
    ...hardwareOf(change).map(({ field, from, to }) => `${field}: ${from} → ${to}`),
    ...plan.findings.filter(({ code }) => code === 'disk.shrink-refused').map(({ message }) => message),
  ]
}

const hardwareOf = (change: Change | undefined): Change['fields'] =>
  (change?.fields ?? []).filter(({ field, how }) => how !== 'in-place' || field.startsWith('disk '))

const updateOf = ({ changes }: Pick<Plan, 'changes'>): string =>
  changes.flatMap(({ fields }) => fields.map(({ field }) => field)).join(', ') || 'its networks'

const notDisposable = ({ name }: InstanceSpec, differences: readonly string[]): ProvisionError =>
  new ProvisionError('run.not-disposable', {
    message: `The machine ${name} is not what the spec says, and may not be made anew without being asked: ${differences.join('; ')}.`,
    hint: `Make it anew with \`--rebuild ${name}\`, or let every run do so with \`disposable: true\`.`,
    details: { instance: name, differences },
  })
