import type { Step, StepKind } from './steps.ts'

type Payload<K extends StepKind> = Omit<
  Extract<Step, { kind: K }>,
  'id' | 'host' | 'instance' | 'title' | 'reason' | 'after' | 'kind' | 'evenAfterFailure'
>

export interface StepText {
  readonly title: string
  readonly reason: string
  readonly after?: readonly string[]
  /** Tells steps of one kind apart within an instance or host. */
  readonly detail?: string
  readonly evenAfterFailure?: true
}

/**
 * Collects steps. A shared step (a pool, an image) is added once, whoever asks for it; the steps of an instance
 * are chained by the ids that each call returns.
 */
export class PlanBuilder {
  readonly #steps = new Map<string, Step>()

  /** Returns the id of the step, to be waited for. */
  add<K extends StepKind>(
    kind: K,
    place: { readonly host: string; readonly instance?: string },
    payload: Payload<K>,
    text: StepText,
  ): string {
    const scope = place.instance ?? place.host
    const detail = text.detail === undefined ? '' : `:${text.detail}`
    let id = `${scope}/${kind}${detail}`
    if (place.instance === undefined) {
      if (this.#steps.has(id)) return id
    } else {
      // One instance may be started twice in a plan: before and after its snapshot.
      for (let round = 2; this.#steps.has(id); round++) id = `${scope}/${kind}${detail}#${round}`
    }
    const step = {
      id,
      kind,
      ...place,
      ...payload,
      title: text.title,
      reason: text.reason,
      after: text.after ?? [],
      ...(text.evenAfterFailure === undefined ? {} : { evenAfterFailure: text.evenAfterFailure }),
    }
    this.#steps.set(id, step as unknown as Step) // the compiler cannot see that K ties kind and payload together
    return id
  }

  get steps(): readonly Step[] {
    return [...this.#steps.values()]
  }
}

/** Steps of one instance, each waiting for the one before. */
export class StepChain {
  readonly #builder: PlanBuilder
  readonly #place: { readonly host: string; readonly instance: string }
  #after: readonly string[]

  constructor(
    builder: PlanBuilder,
    place: { readonly host: string; readonly instance: string },
    after: readonly string[] = [],
  ) {
    this.#builder = builder
    this.#place = place
    this.#after = after
  }

  /** `detail` tells steps of one kind apart: a device, a file name. */
  next<K extends StepKind>(
    kind: K,
    payload: Payload<K>,
    title: string,
    reason: string,
    detail?: string,
  ): void {
    const text = { title, reason, after: this.#after, ...(detail === undefined ? {} : { detail }) }
    this.#after = [this.#builder.add(kind, this.#place, payload, text)]
  }

  /** What a further step has to wait for. */
  get last(): readonly string[] {
    return this.#after
  }
}
