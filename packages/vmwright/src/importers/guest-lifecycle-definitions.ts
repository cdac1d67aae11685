import type { Notes } from './notes.ts'
import { type Scope, scopeOf } from '../spec/ansible/scope.ts'
import type { SourceFile, SourceFiles } from '../spec/ansible/source.ts'
import {
  emptyMap,
  entriesOf,
  itemsOf,
  type MapValue,
  mergeValues,
  type Place,
  scalarAt,
  type Value,
} from '../spec/ansible/value.ts'

/** A pair of a platform and a target that is wanted, and where that is said. */
export interface Pair {
  readonly platform: string
  readonly target: string
  readonly place: Place
  /** One of all combinations of platforms and targets, not of a list. */
  readonly isCombined: boolean
}

/** A definition with all its layers, resolved. */
export interface Definition {
  readonly vm: MapValue
  readonly pair: Pair | undefined
}

export type Variables = ReadonlyMap<string, Value>

export const variablesOf = (scope: Scope): Variables =>
  new Map(
    scope.names.flatMap((name) => {
      const value = scope.written(name)
      return value === undefined ? [] : [[name, value] as const]
    }),
  )

/** `setup_vm/platforms/debian_12.yaml`: what it defines, and the name. */
export function definitionFile(file: SourceFile): { readonly kind: string; readonly id: string } | undefined {
  const match = /(?:^|\/)(targets|platforms)\/([^/]+)\.ya?ml$/.exec(file.name)
  return match === null ? undefined : { kind: match[1] ?? '', id: match[2] ?? '' }
}

/** What the collection brings for targets without a file. */
const builtInTargets: ReadonlyMap<string, readonly [arch: string, machine: string]> = new Map([
  ['amd64', ['x86_64', 'q35']],
  ['arm', ['armv7l', 'virt']],
  ['arm64', ['aarch64', 'virt']],
])

/** Puts layers together: target, default platform, platform; a later one adds and overrides, and cannot remove. */
export class Definitions {
  readonly #files: ReadonlyMap<string, SourceFile>
  readonly #notes: Notes
  /** All scopes that expressions were resolved in. */
  readonly scopes: Scope[] = []

  constructor(source: SourceFiles, notes: Notes) {
    this.#notes = notes
    this.#files = new Map(
      source.files.flatMap((file) => {
        const found = definitionFile(file)
        return found === undefined ? [] : [[`${found.kind}/${found.id}`, file] as const]
      }),
    )
  }

  build(pair: Pair, variables: Variables): Definition {
    const { platform, target, place } = pair
    const names = new Map<string, Value>([
      ['platform_name', scalarAt(place, platform)],
      ['target_name', scalarAt(place, target)],
    ])
    const start: MapValue = {
      ...emptyMap(place),
      entries: new Map([['metadata', { ...emptyMap(place), entries: names }]]),
    }
    const layers = [
      this.#target(pair),
      ...(platform === 'default' ? [] : [this.#files.get('platforms/default')]),
      this.#platform(pair),
    ]
    let vm: MapValue = start
    for (const layer of layers) {
      if (layer === undefined) continue
      const next = 'root' in layer ? this.#layer(layer, vm, variables) : layer
      const merged = mergeValues(vm, next)
      if (merged.kind === 'map') vm = merged
    }
    return { vm, pair }
  }

  /** A definition that stands complete in a variable. */
  complete(value: Value, variables: Variables): Definition | undefined {
    const scope = scopeOf(variables)
    this.scopes.push(scope)
    const vm = scope.resolve(value)
    return vm.kind === 'map' ? { vm, pair: undefined } : undefined
  }

  #target({ target, place }: Pair): SourceFile | MapValue | undefined {
    const file = this.#files.get(`targets/${target}`) ?? this.#files.get('targets/default')
    const builtIn = builtInTargets.get(target)
    if (file !== undefined) return file
    if (builtIn === undefined) {
      this.#notes.add('question', place, `the target ${shown(target)} has no file here: name it too`)
      return undefined
    }
    const [arch, machine] = builtIn.map((text) => scalarAt(place, text)) as [Value, Value]
    return {
      ...emptyMap(place),
      entries: new Map([
        ['arch', arch],
        ['machine', machine],
      ]),
    }
  }

  #platform({ platform, place }: Pair): SourceFile | undefined {
    const file = this.#files.get(`platforms/${platform}`) ?? this.#files.get('platforms/default')
    if (file === undefined)
      this.#notes.add('question', place, `the platform ${shown(platform)} has no file here: name it too`)
    return file
  }

  /** A file of tasks that set the fact `vm`, or a mapping that has it or is it. */
  #layer({ name, root }: SourceFile, under: MapValue, variables: Variables): Value {
    const none = emptyMap({ file: name, line: 1 })
    const resolve = (value: Value, own: Variables): Value => {
      const scope = scopeOf(new Map([...variables, ...own, ['vm', under]]))
      this.scopes.push(scope)
      return scope.resolve(value)
    }
    if (root?.kind === 'map') return resolve(root.entries.get('vm') ?? root, new Map())
    let vm: Value = none
    for (const fact of factsOf(root, new Map())) {
      if (fact.condition !== undefined)
        this.#notes.add(
          'question',
          fact.condition,
          'this definition is set under a condition; it is taken as if it held',
        )
      vm = resolve(fact.vm, fact.variables)
      if (vm.kind === 'question')
        this.#notes.add(
          'question',
          vm.place,
          `the definition cannot be read: ${vm.why}${vm.text === '' ? '' : `: ${vm.text}`}`,
        )
    }
    if (vm === none) this.#notes.add('question', none.place, 'no task here sets the fact `vm`')
    return vm.kind === 'map' ? vm : none
  }
}

interface Fact {
  readonly vm: Value
  readonly variables: Variables
  readonly condition: Place | undefined
}

const factModules = ['set_fact', 'ansible.builtin.set_fact']

/** All tasks that set `vm`, also in blocks, with the variables that they see. */
export function factsOf(tasks: Value | undefined, outer: Variables): readonly Fact[] {
  return itemsOf(tasks).flatMap((task): readonly Fact[] => {
    const entries = entriesOf(task)
    const variables = new Map([...outer, ...entriesOf(entries.get('vars'))])
    const own = factModules.flatMap((name): readonly Fact[] => {
      const vm = entriesOf(entries.get(name)).get('vm')
      return vm === undefined ? [] : [{ vm, variables, condition: entries.get('when')?.place }]
    })
    return [...own, ...factsOf(entries.get('block'), variables)]
  })
}

/** Whether a value says which platforms and targets are wanted. */
export function isConfig(value: Value | undefined): boolean {
  const entries = entriesOf(value)
  const permutations = entriesOf(entries.get('permutations'))
  const list = itemsOf(entries.get('list'))
  return (
    permutations.has('platforms') ||
    permutations.has('targets') ||
    (list.length > 0 &&
      list.every((item) => entriesOf(item).has('platform') && entriesOf(item).has('target')))
  )
}

/** Names come from files: nothing odd of them is repeated. */
export const shown = (name: string): string => (/^[\w. -]{1,80}$/.test(name) ? name : 'with an unusual name')
