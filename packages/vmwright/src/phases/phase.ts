import type { PhaseName, PhaseStep } from '../spec/resolved-lifecycle.ts'

/** G3, G4. What a phase consists of, and where that was found. */
export type Phase = { readonly name: PhaseName; readonly origin: PhaseOrigin } & (
  | {
      readonly kind: 'native'
      readonly steps: readonly PhaseStep[]
      /** Of the phase file, for templates; those of the lifecycle win. */
      readonly variables?: Readonly<Record<string, unknown>>
    }
  /** A file of tasks for the installed Ansible, absolute. */
  | { readonly kind: 'ansible'; readonly path: string }
)

export type PhaseOrigin =
  | { readonly kind: 'spec' }
  /** `searched`: all places in their order, absolute, those that have nothing too. */
  | { readonly kind: 'file'; readonly path: string; readonly searched: readonly string[] }

/** The phases of one guest; those without steps are absent. */
export type Phases = Readonly<Partial<Record<PhaseName, Phase>>>

/** All that makes a phase what it is, for the key of its layer (G8). Sorted by path. */
export interface PhaseInputs {
  readonly files: readonly InputFile[]
  /** SHA-256 of steps that stand in the spec; `undefined`: there are none. */
  readonly steps: string | undefined
  /** What could not be followed and is covered by more than it needs, or not at all, in sentences. */
  readonly notes: readonly string[]
}

export interface InputFile {
  /** Relative to the phase folder, or absolute outside of it. */
  readonly path: string
  /** Of its content; a link's is of what it leads to. */
  readonly sha256: string
  readonly executable: boolean
  /** Why it counts: `phase file`, `included by init.yaml`, `copied by init.yaml`, `in a folder that a name made at run time may lead to`. */
  readonly because: string
}
