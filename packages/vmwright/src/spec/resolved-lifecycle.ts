import type { SecretRef } from '../lib/secret.ts'

/** What the spec says of the life of a guest: the part of `InstanceSpec` that `vmwright run` goes by. */

/** The phases that have steps, in their order; `terminate` runs always. */
export const phaseNames = ['dependencies', 'init', 'main', 'terminate'] as const
export type PhaseName = (typeof phaseNames)[number]

/** G6. All that a run may do, in the order in which it does it. */
export const lifecycleActions = [
  'startup',
  'restore-init',
  'restore-clean',
  'create-clean',
  'dependencies',
  'init',
  'create-init',
  'main',
  'terminate',
  'shutdown',
] as const
export type LifecycleAction = (typeof lifecycleActions)[number]

export interface LifecycleSpec {
  /** G2, G8. Part of the names of snapshots; `auto` takes the key of the layer. */
  readonly revision: { readonly kind: 'auto' } | { readonly kind: 'fixed'; readonly value: string }
  readonly allowed: readonly LifecycleAction[]
  /** G3. Folder, absolute, in which phase files are looked up; `undefined`: none. */
  readonly phasesFolder: string | undefined
  /** Steps that stand in the spec itself, as written there and checked; they win over the folder. */
  readonly phases: Readonly<Partial<Record<PhaseName, readonly PhaseStep[]>>>
  /** For templates and Ansible: plain data. */
  readonly variables: Readonly<Record<string, unknown>>
  /** Of every command. */
  readonly environment: Readonly<Record<string, string>>
  /** Environment variables whose values are secrets. Their references, not their values, count for the cache. */
  readonly secrets: Readonly<Record<string, SecretRef>>
  readonly connection: ConnectionSpec
  /** Whether snapshots hold the memory too, so that a restored guest runs at once. */
  readonly memory: 'auto' | 'require' | 'never'
  /** Whether cloud-init runs at each boot, or, where snapshots hold no memory, only until it has done its work. */
  readonly cloudInit: 'first-boot' | 'every-boot'
  /** Asked this often to shut down, with this much time between, then powered off. */
  readonly shutdown: { readonly attempts: number; readonly delayMs: number }
  /** Of each phase; a step may have a shorter one of its own. */
  readonly phaseTimeoutMs: number
  /** Folder, absolute, in which each run makes one of its own. */
  readonly resultsFolder: string
}

/** G5. */
export type ConnectionSpec = {
  /** How long a connection is tried for. */
  readonly timeoutMs: number
  /** `port`: an open port that speaks SSH suffices; `connection`: a real login. */
  readonly wait: 'connection' | 'port'
} & (
  | {
      readonly kind: 'ssh'
      /** `undefined`: the user that vmwright made. */
      readonly user: string | undefined
      /** `undefined`: no password is tried. */
      readonly password: SecretRef | undefined
      /** Private key, absolute; `undefined`: vmwright's own. */
      readonly identityFile: string | undefined
      readonly port: number
      /** In the order in which they are passed through: names of instances, or `user@host:port`. */
      readonly jump: readonly string[]
    }
  /** Through the hypervisor, as root, without a network. */
  | { readonly kind: 'agent' }
  | {
      readonly kind: 'winrm'
      readonly user: string
      readonly password: SecretRef
      readonly port: number
      readonly tls: boolean
    }
)

/** G4. One native step. Times are in milliseconds, paths of this machine absolute. */
export type PhaseStep = {
  /** For people; never empty. */
  readonly title: string
  readonly timeoutMs: number | undefined
  readonly environment: Readonly<Record<string, string>>
  /** `root` by sudo where the login is another; `undefined`: the user of the login. */
  readonly user: string | undefined
} & (
  | {
      readonly kind: 'shell'
      readonly command: string
      readonly directory: string | undefined
      /** What counts as success; always at least one. */
      readonly exitCodes: readonly number[]
    }
  /** A file of this machine, run in the guest by its first line. */
  | {
      readonly kind: 'script'
      readonly path: string
      readonly args: readonly string[]
      readonly directory: string | undefined
      readonly exitCodes: readonly number[]
    }
  /** A file or a folder of this machine. */
  | {
      readonly kind: 'copy'
      readonly from: string
      readonly to: string
      /** Octal, `0644`; `undefined`: as it is here. */
      readonly mode: string | undefined
      readonly owner: string | undefined
    }
  /** A text of this machine in which `${name}` stands for variables, as in the spec. */
  | {
      readonly kind: 'template'
      readonly from: string
      readonly to: string
      readonly mode: string | undefined
      readonly owner: string | undefined
    }
  /** A file, or files by a pattern of the shell, into the results. */
  | { readonly kind: 'fetch'; readonly from: string; readonly optional: boolean }
  /** Until a new connection can be made and the guest has another boot id. */
  | { readonly kind: 'reboot' }
  | {
      readonly kind: 'wait'
      readonly for:
        | { readonly kind: 'time'; readonly ms: number }
        | { readonly kind: 'port'; readonly port: number }
        | { readonly kind: 'path'; readonly path: string }
        | { readonly kind: 'command'; readonly command: string }
    }
)

/** G7. Where an instance stands in the matrix of the spec. */
export interface MatrixPlace {
  readonly platform: string
  readonly target: string
}

/** How much of a host the guests of a run may have at once; `undefined`: what the host has free. */
export interface RunBudget {
  readonly memoryMib: number | undefined
  readonly vcpus: number | undefined
  /** Guests at once, over all hosts. */
  readonly guests: number | undefined
}

const minuteMs = 60_000

/** What a spec that says nothing of it means; the folder of results is below that of the spec. */
export const defaultLifecycle = (resultsFolder: string): LifecycleSpec => ({
  revision: { kind: 'auto' },
  allowed: lifecycleActions,
  phasesFolder: undefined,
  phases: {},
  variables: {},
  environment: {},
  secrets: {},
  connection: {
    kind: 'ssh',
    timeoutMs: 2 * minuteMs,
    wait: 'connection',
    user: undefined,
    password: undefined,
    identityFile: undefined,
    port: 22,
    jump: [],
  },
  memory: 'auto',
  cloudInit: 'first-boot',
  shutdown: { attempts: 10, delayMs: 5_000 },
  phaseTimeoutMs: 60 * minuteMs,
  resultsFolder,
})

export const noBudget: RunBudget = { memoryMib: undefined, vcpus: undefined, guests: undefined }
