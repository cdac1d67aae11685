import { canonicalJson, sha256Hex } from '../lib/hash.ts'
import type { PhaseInputs } from '../phases/phase.ts'
import type { LayerInputs, LayerName } from './layers.ts'

/** Counted up whenever vmwright does differently what a layer holds: all that was kept before is then made anew. */
export const layersLayout = 1

export interface LayerKey {
  /** SHA-256, 64 hex digits, over the whole value of every input of the layer. */
  readonly key: string
  /**
   * Name → value where it is short and not private, else the first 12 hex digits of its SHA-256. To tell by name what
   * changed; never to decide by.
   */
  readonly inputs: Readonly<Record<string, string>>
}

export type LayerKeys = Readonly<Record<LayerName, LayerKey>>

/**
 * The key of each layer: equal for equal content, another one as soon as an input differs that the layer may depend
 * on. Each layer has the inputs of the one below it and some of its own:
 *
 * - `clean` is the machine before any phase: what its disks are made of, its hardware and what it was told at its
 *   creation. Nobody has logged in, so neither the connection nor variables can have left a trace.
 * - `dependencies` adds the files and steps of that phase, and all that any phase can see: connection (its user is
 *   another one with the agent), platform and target, variables, environment, references of secrets. Which of them a
 *   phase really looks at is not knowable without running it, so all of them count.
 * - `init` adds the files and steps of `init` alone, so that a change of `init` leaves `dependencies` as it is.
 *
 * `main` and `terminate` run after the last layer and belong to none.
 */
export function layerKeys(inputs: LayerInputs): LayerKeys {
  const clean = cleanItems(inputs)
  const dependencies = [...clean, ...sharedItems(inputs), ...phaseItems('dependencies', inputs)]
  const init = [...dependencies, ...phaseItems('init', inputs)]
  return {
    clean: layerKey('clean', clean),
    dependencies: layerKey('dependencies', dependencies),
    init: layerKey('init', init),
  }
}

interface Item {
  readonly name: string
  readonly value: string
  /** May be shown as it is. */
  readonly plain: boolean
}

const plain = (name: string, value: string): Item => ({ name, value, plain: true })
const digested = (name: string, value: string): Item => ({ name, value, plain: false })

const cleanItems = ({ layout, base, hardware, identity }: LayerInputs): readonly Item[] => [
  plain('layout', String(layout)),
  plain('base', base),
  ...Object.entries(hardware).map(([name, value]) => plain(`hardware ${name}`, String(value))),
  digested('identity', identity),
]

const sharedItems = (inputs: LayerInputs): readonly Item[] => [
  plain('connection', inputs.connection),
  ...(inputs.login === undefined ? [] : [plain('login', inputs.login)]),
  ...(inputs.platform === undefined ? [] : [plain('platform', inputs.platform)]),
  ...(inputs.target === undefined ? [] : [plain('target', inputs.target)]),
  ...digestedMembers('variable', inputs.variables),
  ...digestedMembers('environment', inputs.environment),
  ...digestedMembers('secret', inputs.secrets),
]

const digestedMembers = (kind: string, members: Readonly<Record<string, unknown>>): readonly Item[] =>
  Object.entries(members).map(([name, value]) => digested(`${kind} ${name}`, canonicalJson(value ?? null)))

function phaseItems(name: 'dependencies' | 'init', { phases }: LayerInputs): readonly Item[] {
  const phase: PhaseInputs | undefined = phases[name]
  if (phase === undefined) return []
  return [
    plain(`phase ${name}`, 'there'),
    ...(phase.steps === undefined ? [] : [digested(`steps ${name}`, phase.steps)]),
    ...phase.files.map((file) =>
      digested(`file ${name} ${file.path}`, `${file.sha256}${file.executable ? ' executable' : ''}`),
    ),
  ]
}

const longestPlain = 80

function layerKey(layer: LayerName, items: readonly Item[]): LayerKey {
  const sorted = items.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return {
    key: sha256Hex(canonicalJson([layer, sorted.map(({ name, value }) => [name, value])])),
    inputs: Object.fromEntries(
      sorted.map(({ name, value, plain: shown }) => [
        name,
        shown && value.length <= longestPlain ? value : sha256Hex(value).slice(0, 12),
      ]),
    ),
  }
}
