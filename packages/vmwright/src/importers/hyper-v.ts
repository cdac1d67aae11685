import { ProvisionError } from '../lib/errors.ts'
import { Carrier } from './carrier.ts'
import { SpecDraft } from './draft.ts'
import { carryJob } from './hyper-v-instances.ts'
import { isJobField, jobFields } from './hyper-v-fields.ts'
import { fieldsOf, readJob } from './hyper-v-payloads.ts'
import { isSchema, type JobSchema, readSchema } from './hyper-v-schema.ts'
import { hyperVSettings } from './hyper-v-settings.ts'
import type { Importer } from './importer.ts'
import { KeyNames } from './key-names.ts'
import type { Notes } from './notes.ts'
import { invalid } from './invalid.ts'
import { asFlag, asWhole } from './readers.ts'
import type { Recognition } from './recognise.ts'
import type { SourceFiles } from '../spec/ansible/source.ts'
import { entriesOf, itemsOf } from '../spec/ansible/value.ts'

/** Jobs of the service that makes machines on Hyper-V hosts, and the schema of their inputs. */
export const hyperV: Importer = {
  id: 'hyper-v',
  title: 'the Hyper-V service',
  page: 'hyper-v',
  settings: hyperVSettings,
  recognise,
  convert,
}

function recognise(source: SourceFiles): Recognition | undefined {
  const reasons = source.files.flatMap((file) => {
    if (
      isSchema(file) &&
      itemsOf(entriesOf(file.root).get('fields')).some((item) => entriesOf(item).has('id'))
    )
      return [`a schema of inputs at ${file.name}:1`]
    const fields = fieldsOf(file)
    const known = [...entriesOf(fields).keys()].some(isJobField)
    return fields !== undefined && known ? [`the fields of a job at ${file.name}:${fields.place.line}`] : []
  })
  return reasons.length === 0 ? undefined : { score: reasons.length, reasons }
}

function convert(source: SourceFiles, notes: Notes): SpecDraft {
  const carrier = new Carrier(new SpecDraft('hyper-v'), notes)
  const faults: string[] = []
  const schemas = source.files.filter(isSchema).map((file) => readSchema(file, { notes, faults }))
  const [schema] = schemas
  const payloads = source.files.filter((file) => fieldsOf(file) !== undefined)
  const jobs = payloads.flatMap((file) => readJob(file, schema, { notes, faults }) ?? [])
  if (schemas.length === 0 && payloads.length === 0) {
    const what = 'is neither a job nor a schema'
    throw invalid(
      { file: source.files[0]?.name ?? '', line: 1 },
      what,
      'Give the payload of a job, or the schema.',
    )
  }
  if (faults.length > 0) {
    throw new ProvisionError('import.invalid', {
      message: `The jobs are not what the service accepts:\n${faults.map((text) => `  ${text}`).join('\n')}`,
      hint: 'Correct each place; nothing was written.',
      details: { problems: faults.length },
    })
  }
  for (const file of source.files) {
    if (file.role.kind === 'nothing' || isSchema(file) || fieldsOf(file) !== undefined) continue
    notes.add('question', { file: file.name, line: 1 }, 'is neither a job nor a schema, and not taken over')
  }
  if (schema !== undefined) carrySchema(carrier, schema)
  const images = new KeyNames()
  for (const job of jobs) carryJob(carrier, job, images)
  carrier.draft.set(['defaults', 'snapshot'], false, 'there were no snapshots')
  carrier.draft.open(['instances'])
  if (jobs.length > 0) decide(carrier)
  return carrier.draft
}

/** Defaults of the schema, and its fields as comments. */
function carrySchema(carrier: Carrier, schema: JobSchema): void {
  const fallback = (name: string) => {
    const value = schema.fields.get(name)?.fallback
    return value === undefined ? undefined : { name: `default of ${name}`, value }
  }
  carrier.carry(['defaults', 'memory'], fallback('gb_ram'), asWhole, (gib) => `${gib}GiB`)
  carrier.carry(['defaults', 'vcpus'], fallback('cpu_cores'), asWhole)
  carrier.carry(['defaults', 'clustered'], fallback('vm_clustered'), asFlag)
  const vlan = schema.fields.get('vlan_id')
  if (vlan !== undefined)
    carrier.warn(
      vlan.place,
      'the schema refuses vlan_id 0, which the documentation has as untagged: it is read as untagged',
    )
  for (const [name, { place, type, isRequired }] of schema.fields) {
    const to = hyperVSettings.find((setting) => setting.name === name)?.to
    const what = isJobField(name) ? jobFields[name].type : type
    carrier.draft.remark(
      ['instances'],
      `${name} (${what}${isRequired ? ', required' : ''}): ${to ?? 'no equal'}`,
    )
    if (!isJobField(name))
      carrier.notes.add('no-equal', place, `${name}: a field of your own schema, which has no equal`)
  }
}

function decide(carrier: Carrier): void {
  for (const text of [
    'hosts are reached as hyperv://HOST, WinRM over TLS at port 5986; the service used HTTP at port 5985: write hyperv+http://HOST where there is no TLS',
    'the account of hosts was in WINRM_USERNAME and WINRM_PASSWORD of the service: `login.user` is to be written, the password is read from WINRM_PASSWORD',
    'the first virtual switch of the host was taken: networks.switch.use names it, set it if it is not `External`',
    'passwords were returned by the interface of the service and shown in its pages, whatever its documentation says: change those that were used',
    'a machine that fails is removed again; the service left folder, disk and machine behind',
  ])
    carrier.notes.add('decided', undefined, text)
}
