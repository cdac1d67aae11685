import type { PhaseInputs } from '../phases/phase.ts'

/** G2, G8. What is kept of a guest, each layer on top of the one before. */
export const layerNames = ['clean', 'dependencies', 'init'] as const
export type LayerName = (typeof layerNames)[number]

/** All that a layer's content depends on. Plain data, so that what changed can be told by name. */
export interface LayerInputs {
  /** `layersLayout` of `keys.ts`. */
  readonly layout: number
  /** `image:<digest>` or `template:<content identity>`. */
  readonly base: string
  /** Architecture, machine, firmware, vCPUs, memory, disks, number of interfaces, emulator and CPU. */
  readonly hardware: Readonly<Record<string, string | number | boolean>>
  /** Digest of what cloud-init or the customisation does, without what is new for each machine. */
  readonly identity: string
  readonly connection: 'ssh' | 'agent' | 'winrm'
  /** The user that phases run as; `undefined`: the channel's own. */
  readonly login: string | undefined
  readonly platform: string | undefined
  readonly target: string | undefined
  /** Of `dependencies` and `init`. */
  readonly phases: Readonly<Partial<Record<'dependencies' | 'init', PhaseInputs>>>
  readonly variables: Readonly<Record<string, unknown>>
  readonly environment: Readonly<Record<string, string>>
  /** Name → reference as it is written, never the value. */
  readonly secrets: Readonly<Record<string, string>>
}

/** Written beside a snapshot by `writeNote` of `note.ts`, to be recognised by. */
export interface LayerNote {
  readonly project: string
  readonly layer: LayerName
  /** Of what the snapshot really holds, 64 hex digits: the layer's own only when it was made in the way that stands for. */
  readonly key: string
  readonly revision: string
  /** Name → digest of each input, to tell later which one changed. */
  readonly inputs: Readonly<Record<string, string>>
  /** Name of the snapshot of the layer below, as it was when this one was made. */
  readonly on: string | undefined
}
