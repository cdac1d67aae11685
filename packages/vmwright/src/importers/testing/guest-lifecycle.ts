import { expect } from 'vitest'
import { formatProblem } from '../../spec/problem.ts'
import { importTexts, loadImported } from '../testing.ts'

/** An inventory with one hypervisor, and variables for all. */
export const inventory = (config: string, more = ''): string =>
  `all:\n  vars:\n    my_config: ${config}\n${more}  children:\n    hypervisors:\n      hosts:\n        forge: { ansible_connection: local }\n`
export const one = '{ list: [{ platform: p, target: amd64 }] }'
/** A file of tasks that sets the fact `vm`. */
export const task = (vm: string): string => `- set_fact:\n    vm: ${vm}\n`
export const source =
  '[{ before_provision: [{ callback: callbacks/sources/fetch.yaml, src: "https://x.example/i.qcow2" }] }]'

/** One machine of a platform with these fields, and with these of `metadata`. */
export const machine = (fields = '', metadata = '', more = ''): Record<string, string> => ({
  'hosts.yaml': inventory(one, more),
  'setup_vm/platforms/p.yaml': task(`{ metadata: { sources: ${source}${metadata} }${fields} }`),
})

/** What the files are imported to; it has no problems. */
export const load = async (files: Record<string, string>) => {
  const loaded = await loadImported(await importTexts(files))
  expect(loaded.problems.map(formatProblem)).toEqual([])
  return loaded.spec
}
