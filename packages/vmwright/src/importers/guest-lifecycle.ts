import { Carrier, type Found, found } from './carrier.ts'
import { SpecDraft } from './draft.ts'
import { configsOf, hypervisorsOf, pairsOf } from './guest-lifecycle-configs.ts'
import { definitionFile, Definitions, factsOf, variablesOf } from './guest-lifecycle-definitions.ts'
import { tellFiles, tellRest } from './guest-lifecycle-leftovers.ts'
import { carryMachine } from './guest-lifecycle-machine.ts'
import { arrangeMatrix, type Paired } from './guest-lifecycle-matrix.ts'
import { carryLifecycle } from './guest-lifecycle-phases.ts'
import { lifecycleSettings } from './guest-lifecycle-settings.ts'
import type { Importer } from './importer.ts'
import { KeyNames } from './key-names.ts'
import { carryHost } from './kvm-hosts.ts'
import type { Notes } from './notes.ts'
import { invalid } from './invalid.ts'
import { asFlag, asText, asWhole } from './readers.ts'
import { mergeVariables, type Scope, scopeOf } from '../spec/ansible/scope.ts'
import { recogniseByNames, type Recognition } from './recognise.ts'
import type { SourceFile, SourceFiles } from '../spec/ansible/source.ts'
import { entriesOf, itemsOf, placeText, scalarAt, type Value } from '../spec/ansible/value.ts'

const ownNames = [
  'virtual_machines',
  'parse_lookup_dir_path',
  'hypervisor_lookup_dir_path',
  'phases_lookup_dir_path',
  'project_revision',
  'allowed_phases',
]

/** Guests of platforms and targets, with a lifecycle of phases: a collection for Ansible. */
export const guestLifecycle: Importer = {
  id: 'guest-lifecycle',
  title: 'guest lifecycle, a collection for Ansible',
  page: 'guest-lifecycle',
  settings: lifecycleSettings,
  recognise,
  convert,
}

function recognise(source: SourceFiles): Recognition | undefined {
  const reasons = [...(recogniseByNames(source, ownNames)?.reasons ?? [])]
  for (const value of completeOf(source, source.scope))
    reasons.push(`a definition at ${placeText(value.place)}`)
  for (const { value, name } of configsOf(source)) reasons.push(`${name} at ${placeText(value.place)}`)
  for (const file of source.files) {
    const definition = definitionFile(file)
    if (definition !== undefined && definesVm(file))
      reasons.push(`a definition of ${definition.kind} at ${file.name}:1`)
  }
  return reasons.length === 0 ? undefined : { score: reasons.length, reasons }
}

const definesVm = ({ root }: SourceFile): boolean =>
  factsOf(root, new Map()).length > 0 ||
  entriesOf(root).has('vm') ||
  (entriesOf(root).has('metadata') && (entriesOf(root).has('net') || entriesOf(root).has('disks'))) ||
  (entriesOf(root).has('arch') && entriesOf(root).has('machine'))

function convert(source: SourceFiles, notes: Notes): SpecDraft {
  const carrier = new Carrier(new SpecDraft('guest-lifecycle'), notes)
  const definitions = new Definitions(source, notes)
  const [first] = hypervisorsOf(source)
  const base = first === undefined ? source.scope : source.scopeOfHost(first)
  const configs = configsOf(source)
  const built = configs.flatMap(({ value, host, variables, name }) =>
    pairsOf(carrier, value).map((pair) => ({ definition: definitions.build(pair, variables), host, name })),
  )
  const complete = completeOf(source, base).flatMap((value) => {
    const definition = definitions.complete(value, variablesOf(base))
    return definition === undefined ? [] : [{ definition, host: undefined }]
  })
  const all = [...built, ...complete]
  if (all.length === 0) {
    const file = source.files[0]?.name ?? ''
    const what = 'has no list of platforms and targets, nor of definitions'
    throw invalid({ file, line: 1 }, what, 'Give the inventory or playbook with `config` too.')
  }
  const connection = oneConnection(
    carrier,
    all.map(({ definition: { vm } }) => connectionOf(vm)),
  )
  const keys = new Map<string, string>()
  for (const host of hypervisorsOf(source).length === 0 ? [undefined] : hypervisorsOf(source)) {
    keys.set(host ?? '', carryHypervisor(carrier, source, host, connection))
  }
  const fallback = first === undefined ? undefined : keys.get(first)
  const names = {
    images: new KeyNames(),
    networks: new KeyNames(),
    pools: new KeyNames(),
    secrets: new KeyNames(),
  }
  const paired = all.flatMap(({ definition, host }): readonly Paired[] => {
    const key = keys.size > 1 ? (keys.get(host ?? '') ?? fallback) : undefined
    const name = carryMachine(carrier, definition, { host: key, keys: names })
    return name === undefined || definition.pair === undefined ? [] : [{ name, pair: definition.pair }]
  })
  arrangeMatrix(carrier, paired)
  if (carrier.draft.isEmpty(['instances'])) carrier.draft.remove(['instances'])
  if (keys.size > 1)
    notes.add(
      'decided',
      undefined,
      'machines were dealt out to hypervisors in turn; now `host` says where each is',
    )
  const settings = settingsOf(source, base)
  carryLifecycle(carrier, source, settings)
  carryReadiness(carrier, settings)
  tellFiles(carrier, source)
  tellRest(carrier, source, [settings, base, ...definitions.scopes], configs)
  return carrier.draft
}

/** Definitions in the variables `virtual_machines` and `vm`; what a file of platforms or targets has is a part only. */
function completeOf({ files }: SourceFiles, scope: Scope): readonly Value[] {
  const parts = new Set(files.filter((file) => definitionFile(file) !== undefined).map(({ name }) => name))
  const single = scope.written('vm')
  const isWhole = entriesOf(single).has('metadata') && !parts.has(single?.place.file ?? '')
  return [...itemsOf(scope.written('virtual_machines')), ...(single !== undefined && isWhole ? [single] : [])]
}

function connectionOf(vm: Value): Found | undefined {
  const entries = entriesOf(vm)
  return found(
    'connection',
    entriesOf(entries.get('metadata')).get('connection') ?? entries.get('connection'),
  )
}

/** The first; machines of another one are told. */
function oneConnection(carrier: Carrier, found: readonly (Found | undefined)[]): Found | undefined {
  const [first, ...others] = found.filter((each) => each !== undefined)
  const textOf = (each: Found): string => asText(each.value, () => undefined) ?? ''
  for (const other of others)
    if (first !== undefined && textOf(other) !== textOf(first))
      carrier.warn(
        other.value.place,
        'the connection is another than that of the first machine, which is taken for all: give the host a second entry in `hosts`',
      )
  return first
}

function carryHypervisor(
  carrier: Carrier,
  source: SourceFiles,
  host: string | undefined,
  connection: Found | undefined,
): string {
  const scope = host === undefined ? source.scope : source.scopeOfHost(host)
  const get = (name: string): Found | undefined => found(name, scope.get(name))
  const start = { file: source.files[0]?.name ?? '', line: 1 }
  const uri = connection ?? get('ansible_libvirt_uri')
  const declared = host === undefined ? undefined : source.inventory.hosts.get(host)?.place
  const place = declared ?? uri?.value.place ?? start
  const text = (value: string, name: string): Found => ({ name, value: scalarAt(place, value) })
  const how = get('ansible_connection')?.value
  const isLocal = host === undefined || (how?.kind === 'scalar' && how.value === 'local')
  const named = text(host ?? 'local', host === undefined ? 'connection' : 'host of hypervisors')
  return carryHost(carrier, {
    name: named,
    address: isLocal ? undefined : (get('ansible_host') ?? named),
    user: get('ansible_user'),
    port: get('ansible_port'),
    keyFile: get('ansible_ssh_private_key_file'),
    uri: uri ?? { name: 'connection, by default', value: scalarAt(start, 'qemu:///session') },
  })
}

/** Variables of all groups and hosts in one, those of the hypervisor winning: what was set for guests counts too. */
function settingsOf(source: SourceFiles, base: Scope): Scope {
  const { inventory, files } = source
  return scopeOf(
    mergeVariables([
      ...[...inventory.groups.values(), ...inventory.hosts.values()].map(({ vars }) => vars),
      ...files
        .filter(({ role }) => role.kind === 'group-vars' || role.kind === 'host-vars')
        .map(({ root }) => root),
      { kind: 'map', entries: variablesOf(base), place: { file: '', line: 1 } },
    ]),
  )
}

function carryReadiness(carrier: Carrier, scope: Scope): void {
  const get = (name: string): Found | undefined => found(name, scope.get(name))
  const ready = ['defaults', 'ready']
  const byPort = get('wait_until_port_reachable')
  const byLogin = get('wait_until_reachable')
  const port = carrier.read([...ready, 'rungs'], byPort, asFlag)
  const login = carrier.read([...ready, 'rungs'], byLogin, asFlag)
  if (byPort !== undefined && port === true) {
    carrier.put([...ready, 'rungs'], ['started', 'address', 'port'], byPort)
    carrier.put(['lifecycle', 'connection', 'wait'], 'port', byPort)
  } else if (byLogin !== undefined && login === false) carrier.put([...ready, 'rungs'], ['started'], byLogin)
  const limit = get('connection_timeout')
  for (const rung of ['port', 'ssh'])
    carrier.carry([...ready, 'timeouts', rung], limit, asWhole, (seconds) => `${seconds}s`)
  carrier.decide(
    ['defaults', 'snapshot'],
    false,
    undefined,
    '`vmwright run` makes the snapshots `clean` and those of its layers itself, and goes back to them; none is made before',
  )
}
