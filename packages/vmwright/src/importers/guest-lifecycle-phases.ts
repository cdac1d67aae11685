import { type Carrier, type Found, found } from './carrier.ts'
import { isPhase } from './guest-lifecycle-leftovers.ts'
import { projectName } from './project-name.ts'
import { asMatching, asOneOf, asText, asTexts, asWhole } from './readers.ts'
import type { Scope } from '../spec/ansible/scope.ts'
import type { SourceFiles } from '../spec/ansible/source.ts'
import { lifecycleActions } from '../spec/resolved-lifecycle.ts'

const at = ['lifecycle']

/** Writes what a run does: phases and their folder, names of snapshots, connection and shutdown. */
export function carryLifecycle(carrier: Carrier, source: SourceFiles, scope: Scope): void {
  const get = (name: string): Found | undefined => found(name, scope.get(name))
  carrier.carry(['project'], get('project_id'), asText, (text) => projectName(text, 'guest-lifecycle'))
  carryRevision(carrier, get)
  carryPhases(carrier, source, get('phases_lookup_dir_path'))
  carryAllowed(carrier, get('allowed_phases'))
  carrier.carry(
    [...at, 'connection', 'timeout'],
    get('connection_timeout'),
    asWhole,
    (seconds) => `${seconds}s`,
  )
  carrier.carry([...at, 'shutdown', 'attempts'], get('retry_count'), asWhole)
  carrier.carry([...at, 'shutdown', 'delay'], get('retry_delay'), asWhole, (seconds) => `${seconds}s`)
  carrier.carry(
    [...at, 'memory'],
    get('snapshot_type'),
    asOneOf(['internal', 'external'] as const),
    (type) => (type === 'external' ? 'never' : undefined),
  )
}

function carryRevision(carrier: Carrier, get: (name: string) => Found | undefined): void {
  const revision = get('project_revision')
  const alias = get('revision_id')
  const asRevision = asMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a short text or a number')
  carrier.carry([...at, 'revision'], revision ?? alias, asRevision, (text) =>
    /^\d{1,15}$/.test(text) ? Number(text) : text,
  )
  if (alias === undefined) return
  carrier.warn(
    alias.value.place,
    revision === undefined
      ? 'revision_id is a slip of the documentation: the code reads project_revision, so it had no effect on names of snapshots; now it has'
      : 'revision_id is a slip of the documentation: the code reads project_revision, which is taken',
  )
}

/** The folder as it was named to the import, where files of it were; else as the variable says. */
function carryPhases(carrier: Carrier, source: SourceFiles, setting: Found | undefined): void {
  const folder = source.files
    .filter(isPhase)
    .flatMap(({ name }) => /^.*?phases?(?=\/)/.exec(name)?.[0] ?? [])
    .at(0)
  if (folder === undefined) {
    carrier.carry([...at, 'phases'], setting, asMatching(/^[^\0\n\r]+$/, 'a path'), (path) =>
      /^[./~]/.test(path) ? path : `./${path}`,
    )
    return
  }
  const path = /^[./~]/.test(folder) ? folder : `./${folder}`
  if (setting === undefined) carrier.draft.set([...at, 'phases'], path, 'where its files were')
  else carrier.put([...at, 'phases'], path, setting)
}

function carryAllowed(carrier: Carrier, setting: Found | undefined): void {
  const names = carrier.read([...at, 'allow'], setting, asTexts)
  if (names === undefined || setting === undefined) return
  const actions = names.map((name) => {
    const plain = name
      .toLowerCase()
      .replaceAll(/[^a-z]+/g, '-')
      .replace(/-snapshot$/, '')
    return lifecycleActions.find((action) => action === plain)
  })
  if (actions.includes(undefined)) {
    carrier.notes.add('question', setting.value.place, 'allowed_phases has one that is not known here')
    carrier.draft.question([...at, 'allow'], 'allowed_phases has one that is not known here')
  }
  carrier.put(
    [...at, 'allow'],
    lifecycleActions.filter((action) => actions.includes(action)),
    setting,
  )
}
