import {
  faultOfSet,
  isJobField,
  type JobField,
  jobFields,
  type JobFieldName,
  jobSets,
  osOfImage,
} from './hyper-v-fields.ts'
import type { JobSchema } from './hyper-v-schema.ts'
import type { Notes } from './notes.ts'
import { asFlag, asIpv4, asText, asWhole } from './readers.ts'
import { scopeOf } from '../spec/ansible/scope.ts'
import type { SourceFile } from '../spec/ansible/source.ts'
import { entriesOf, type MapValue, type Place, placeText, type Value } from '../spec/ansible/value.ts'

/** A job that makes a machine, checked: what is here is of its type, and goes together. Secrets have no value. */
export interface Job {
  readonly place: Place
  readonly os: 'linux' | 'windows'
  readonly targetHost: Value | undefined
  readonly fields: ReadonlyMap<JobFieldName, Value>
}

/** The mapping of fields of a payload, in any of its three forms. */
export function fieldsOf({ root, role }: SourceFile): MapValue | undefined {
  if (role.kind !== 'vars') return undefined
  const entries = entriesOf(root)
  const isPayload = ['schema_version', 'schema_id', 'schema', 'target_host'].some((key) => entries.has(key))
  const fields = entries.get('values') ?? entries.get('fields')
  return fields?.kind === 'map' && (isPayload || entriesOf(fields).has('vm_name')) ? fields : undefined
}

/**
 * Reads and checks one payload as the service does, and adds every fault to `faults`; `undefined` where there is
 * one. Values are in no fault.
 */
export function readJob(
  file: SourceFile,
  schema: JobSchema | undefined,
  { notes, faults }: { readonly notes: Notes; readonly faults: string[] },
): Job | undefined {
  const written = fieldsOf(file)
  if (written === undefined) return undefined
  const before = faults.length
  const fault = (place: Place, text: string): void => void faults.push(`${placeText(place)}: ${text}`)
  const entries = entriesOf(file.root)
  checkVersion(entries, schema, (place, text) => fault(place, text))
  const fields = new Map<JobFieldName, Value>()
  for (const [name, value] of withDefaults(written, schema)) {
    if (!isJobField(name)) {
      if (schema?.fields.has(name) === true)
        notes.add('no-equal', value.place, `${name}: a field of your own schema, which has no equal`)
      else fault(value.place, `${/^\w{1,64}$/.test(name) ? name : 'a field'} is not known`)
    } else if (!isBlank(value)) fields.set(name, value)
  }
  for (const [name, field] of Object.entries<JobField>(jobFields)) {
    const value = fields.get(name as JobFieldName)
    if (value === undefined) {
      if (field.required === true) fault(written.place, `${name} is missing`)
      continue
    }
    const wrong = faultOf(field, value)
    if (wrong !== undefined) fault(value.place, `${name} ${wrong}`)
  }
  const os = osOf(fields, (place, text) => fault(place, text))
  if (os !== undefined) dropForeign(fields, os, notes)
  for (const set of jobSets) {
    const wrong = faultOfSet(set, new Set(fields.keys()))
    if (wrong !== undefined) fault(written.place, wrong)
    const given = set.allOrNone.filter((name) => fields.has(name))
    if (wrong === undefined && given.length > 0 && given.length < set.allOrNone.length)
      notes.add(
        'warning',
        written.place,
        `${set.id} without ${set.allOrNone.filter((name) => !fields.has(name)).join(', ')}: the first form of the schema refuses that, the later one with variants accepts it, and so does this`,
      )
  }
  return os === undefined || faults.length > before
    ? undefined
    : { place: written.place, os, targetHost: entries.get('target_host'), fields }
}

type Tell = (place: Place, text: string) => void

function checkVersion(entries: ReadonlyMap<string, Value>, schema: JobSchema | undefined, fault: Tell): void {
  const nested = entriesOf(entries.get('schema'))
  const version = entries.get('schema_version') ?? nested.get('version')
  const id = entries.get('schema_id') ?? nested.get('id')
  const text = (value: Value | undefined): string => (value?.kind === 'scalar' ? String(value.value) : '')
  if (schema === undefined) return
  if (version !== undefined && text(version) !== schema.version)
    fault(version.place, 'schema_version is not that of the schema')
  if (id !== undefined && text(id) !== schema.id) fault(id.place, 'schema_id is not that of the schema')
}

/** Values as they stand, without expressions; secrets are dropped before anything looks at them. */
function withDefaults(written: MapValue, schema: JobSchema | undefined): ReadonlyMap<string, Value> {
  const isSecret = (name: string): boolean =>
    schema?.fields.get(name)?.type === 'secret' || (isJobField(name) && jobFields[name].type === 'secret')
  const own = [...written.entries].map(([name, value]): readonly [string, Value] => {
    if (value.kind !== 'scalar' || isBlank(value)) return [name, value]
    return [name, isSecret(name) ? { kind: 'secret', place: value.place } : { ...value, literal: true }]
  })
  const resolved = entriesOf(scopeOf(new Map()).resolve({ ...written, entries: new Map(own) }))
  const defaults: [string, Value][] = []
  for (const name of ['gb_ram', 'cpu_cores', 'vm_clustered']) {
    const value = schema?.fields.get(name)?.fallback ?? shipped(name, written.place)
    if (value !== undefined && (!resolved.has(name) || isBlank(resolved.get(name))))
      defaults.push([name, value])
  }
  return new Map([...resolved, ...defaults])
}

/** Defaults of the schema that was shipped. */
function shipped(name: string, place: Place): Value | undefined {
  const value = { gb_ram: 4, cpu_cores: 2 }[name]
  return value === undefined ? undefined : { kind: 'scalar', value, place, literal: true }
}

const isBlank = (value: Value | undefined): boolean =>
  value === undefined ||
  value.kind === 'omit' ||
  (value.kind === 'scalar' && (value.value === null || String(value.value).trim() === ''))

function faultOf(field: JobField, value: Value): string | undefined {
  if (value.kind === 'secret' || value.kind === 'vault')
    return field.type === 'secret' ? undefined : 'is hidden'
  if (value.kind !== 'scalar') return 'is not a single value'
  const nothing = (): undefined => undefined
  const { minimum = 1, maximum = Number.MAX_SAFE_INTEGER } = field
  switch (field.type) {
    case 'integer': {
      const number = asWhole(value, nothing)
      return number === undefined || number < minimum || number > maximum
        ? `has to be a whole number from ${minimum} to ${maximum}`
        : undefined
    }
    case 'boolean':
      return asFlag(value, nothing) === undefined ? 'has to be `true` or `false`, `Yes` or `No`' : undefined
    case 'ipv4':
      return asIpv4(value, nothing) === undefined ? 'has to be an IPv4 address' : undefined
    case 'string':
    case 'hostname':
    case 'multiline':
    case 'secret':
      return (asText(value, nothing) ?? '').length > maximum
        ? `has more than ${maximum} characters`
        : undefined
  }
}

function osOf(fields: ReadonlyMap<JobFieldName, Value>, fault: Tell): Job['os'] | undefined {
  const text = (name: JobFieldName): string | undefined => {
    const value = fields.get(name)
    return value === undefined ? undefined : asText(value, () => undefined)
  }
  const explicit = text('os_family')?.toLowerCase()
  if (explicit === 'linux' || explicit === 'windows') return explicit
  const named = fields.get('os_family')
  if (named !== undefined) {
    fault(named.place, 'os_family has to be `linux` or `windows`')
    return undefined
  }
  const image = text('image_name')
  const os = image === undefined ? undefined : osOfImage(image)
  const place = fields.get('image_name')?.place
  if (place !== undefined && os === undefined)
    fault(place, 'image_name does not begin with the name of a known system: give os_family')
  return os
}

/** Fields of the other system are dropped, as on the host. */
function dropForeign(fields: Map<JobFieldName, Value>, os: Job['os'], notes: Notes): void {
  for (const [name, value] of fields) {
    const { os: only }: JobField = jobFields[name]
    if (only === undefined || only === os) continue
    fields.delete(name)
    notes.add(
      'warning',
      value.place,
      `${name} is only for ${only}, and the machine is of ${os}: it is left out`,
    )
  }
}
