import { jobSets } from './hyper-v-fields.ts'
import type { Notes } from './notes.ts'
import type { SourceFile } from '../spec/ansible/source.ts'
import { entriesOf, itemsOf, type Place, placeText, type Value } from '../spec/ansible/value.ts'

/** The schema of a job's inputs, as far as it says more than the one that was shipped. */
export interface JobSchema {
  readonly place: Place
  readonly id: string
  readonly version: string
  readonly fields: ReadonlyMap<string, SchemaField>
}

export interface SchemaField {
  readonly place: Place
  readonly type: string
  readonly isRequired: boolean
  readonly fallback: Value | undefined
}

const types = ['string', 'secret', 'multiline', 'integer', 'boolean', 'ipv4', 'hostname']

export const isSchema = ({ root, role }: SourceFile): boolean =>
  role.kind === 'vars' && entriesOf(root).get('fields')?.kind === 'list'

/** Reads a schema with the checks of the service's own loader; every fault is added to `faults`. */
export function readSchema(
  { root, name }: SourceFile,
  { notes, faults }: { readonly notes: Notes; readonly faults: string[] },
): JobSchema {
  const entries = entriesOf(root)
  const place = root?.place ?? { file: name, line: 1 }
  const fault = (at: Place, text: string): void => void faults.push(`${placeText(at)}: ${text}`)
  const version = textOf(entries.get('version'))
  if (version === undefined) fault(place, 'the schema has no version')
  const fields = new Map<string, SchemaField>()
  for (const item of itemsOf(entries.get('fields'))) {
    const field = entriesOf(item)
    const id = textOf(field.get('id'))
    if (id === undefined || !/^\w{1,64}$/.test(id)) {
      fault(item.place, 'a field has no id')
      continue
    }
    if (fields.has(id)) fault(item.place, `${id} is there twice`)
    const type = textOf(field.get('type')) ?? 'string'
    if (!types.includes(type)) fault(item.place, `${id} is of no known type`)
    const required = field.get('required')
    const isSecret = type === 'secret' || textOf(field.get('secret')) === 'true'
    const fallback = field.get('default')
    if (isSecret && fallback !== undefined)
      notes.add('warning', fallback.place, `${id} has a secret as its default, which is not taken over`)
    fields.set(id, {
      place: item.place,
      type: isSecret ? 'secret' : type,
      isRequired: required?.kind === 'scalar' && required.value === true,
      fallback: isSecret || fallback?.kind !== 'scalar' ? undefined : { ...fallback, literal: true },
    })
  }
  checkSets(entries.get('parameter_sets'), fields, { notes, fault })
  return { place, id: textOf(entries.get('id')) ?? '', version: version ?? '', fields }
}

function checkSets(
  sets: Value | undefined,
  fields: ReadonlyMap<string, SchemaField>,
  { notes, fault }: { readonly notes: Notes; readonly fault: (at: Place, text: string) => void },
): void {
  for (const set of itemsOf(sets)) {
    const entries = entriesOf(set)
    const id = textOf(entries.get('id')) ?? 'a set'
    const variants = itemsOf(entries.get('variants'))
    const members = memberNames(entries.get('members') ?? entries.get('fields'))
    if (variants.length > 0 && members.length > 0) fault(set.place, `${id} has both members and variants`)
    const inVariants = variants.flatMap((variant) => [
      ...memberNames(entriesOf(variant).get('required')),
      ...memberNames(entriesOf(variant).get('optional')),
    ])
    for (const member of [...members, ...inVariants])
      if (!fields.has(member)) fault(set.place, `${id} names a field that is not there`)
    const own = jobSets.find((each) => each.id === id)
    if (own !== undefined && own.variants.length > 1 && members.length > 0)
      notes.add(
        'warning',
        set.place,
        `${id} is all or none, which the example of the documentation itself does not fulfil; it is read by the later variants`,
      )
    if (own === undefined)
      notes.add(
        'no-equal',
        set.place,
        `${/^\w{1,64}$/.test(id) ? id : 'a set'}: a set of your own, which is not checked`,
      )
  }
}

const memberNames = (value: Value | undefined): readonly string[] =>
  itemsOf(value).flatMap((item) => textOf(item) ?? [])

const textOf = (value: Value | undefined): string | undefined =>
  value?.kind === 'scalar' && value.value !== null && String(value.value) !== ''
    ? String(value.value)
    : undefined
