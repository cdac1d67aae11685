import type { Carrier } from './carrier.ts'
import type { Config } from './guest-lifecycle-configs.ts'
import { definitionFile, isConfig } from './guest-lifecycle-definitions.ts'
import { lifecycleSettings } from './guest-lifecycle-settings.ts'
import { tellNoEqual } from './leftovers.ts'
import type { Scope } from '../spec/ansible/scope.ts'
import { unusedNames } from './recognise.ts'
import type { SourceFile, SourceFiles } from '../spec/ansible/source.ts'
import { entriesOf, isSecretName, itemsOf } from '../spec/ansible/value.ts'

/** Phases, networks and other files that are no definitions. */
export function tellFiles(carrier: Carrier, source: SourceFiles): void {
  for (const file of source.files) {
    const place = { file: file.name, line: 1 }
    const entries = entriesOf(file.root)
    if (isPhase(file)) {
      carrier.notes.add('taken', place, 'a phase, which `vmwright run` gives to Ansible')
      carrier.warn(
        undefined,
        'a phase that failed was swallowed, and the run ended well; look whether yours really work: now the run fails with them',
      )
    } else if (/(^|\/)networks\/[^/]+$/.test(file.name) && entries.has('bridge'))
      carrier.notes.add(
        'no-equal',
        place,
        'networks are not made yet: define this one with `virsh net-define`',
      )
    else if (file.role.kind === 'list' && definitionFile(file) === undefined && !hasConfig(file))
      carrier.notes.add('no-equal', place, 'a playbook or tasks, which are not run')
  }
}

export const isPhase = ({ name }: SourceFile): boolean =>
  /(^|\/)(dependencies|init|main|terminate)\.ya?ml$/.test(name) && /phases?\//.test(name)

const hasConfig = ({ root }: SourceFile): boolean =>
  itemsOf(root).some((play) => [...entriesOf(entriesOf(play).get('vars')).values()].some(isConfig))

/** Variables that nothing here knows; those of definitions and networks are told elsewhere. */
export function tellRest(
  carrier: Carrier,
  source: SourceFiles,
  scopes: readonly Scope[],
  configs: readonly Config[],
): void {
  const own = source.files.filter(
    (file) => definitionFile(file) !== undefined || /(^|\/)networks\//.test(file.name),
  )
  const elsewhere = new Set(own.map(({ name }) => name))
  tellNoEqual(carrier, scopes.slice(0, 1), lifecycleSettings)
  const known = new Set([
    ...lifecycleSettings.map(({ name }) => name),
    ...configs.map(({ name }) => name),
    'vm',
  ])
  for (const { name, place } of unusedNames(source, scopes, known)) {
    if (name.startsWith('ansible_') || elsewhere.has(place.file)) continue
    const what = isSecretName(name) ? 'a secret that nothing here uses' : 'not known here, and not taken over'
    carrier.notes.add(
      'question',
      place,
      `${/^[\w.-]{1,80}$/.test(name) ? name : 'a name with unusual signs'}: ${what}`,
    )
  }
}
