import type { LifecycleDocument } from '@vmwright/contract'
import { resolveConnection } from './connection.ts'
import type { Member } from './groups.ts'
import type { Path } from './node.ts'
import { resolvePath } from './path.ts'
import { toMs } from './quantity.ts'
import type { Layers, Report } from './report.ts'
import {
  defaultLifecycle,
  type LifecycleAction,
  lifecycleActions,
  type LifecycleSpec,
  type PhaseName,
  phaseNames,
  type PhaseStep,
} from './resolved-lifecycle.ts'
import { localFile, secretRef } from './secret-ref.ts'
import { resolveSteps } from './steps.ts'

export interface LifecycleContext {
  readonly report: Report
  readonly homeDirectory: string
  /** Of runs, absolute, where the spec names none. */
  readonly resultsFolder: string
  /** Of all instances, for the machines that connections go by. */
  readonly names: readonly string[]
}

/** What `vmwright run` does with an instance: the merged `lifecycle` of all levels, with what is built in. */
export function resolveLifecycle(
  { name, settings: { lifecycle = {} }, layers: own }: Pick<Member, 'name' | 'settings' | 'layers'>,
  context: LifecycleContext,
): LifecycleSpec {
  const layers = withFile(own)
  const { report } = context
  const builtIn = defaultLifecycle(context.resultsFolder)
  const { shutdown, revision = 'auto' } = lifecycle
  checkSecretNames(lifecycle, layers, report)
  return {
    revision: revision === 'auto' ? { kind: 'auto' } : { kind: 'fixed', value: String(revision) },
    allowed: allowedOf(lifecycle, layers, report),
    phasesFolder: folderOfPhases(lifecycle, layers, context),
    phases: stepsOf(lifecycle, layers, context),
    variables: lifecycle.variables ?? {},
    environment: lifecycle.environment ?? {},
    secrets: Object.fromEntries(
      Object.entries(lifecycle.secrets ?? {}).map(([variable, secret]) => [
        variable,
        secretRef(secret, layers, ['lifecycle', 'secrets', variable], context),
      ]),
    ),
    connection: resolveConnection({ name, lifecycle, layers }, context),
    memory: lifecycle.memory ?? builtIn.memory,
    cloudInit: lifecycle.cloudInit ?? builtIn.cloudInit,
    shutdown: {
      attempts: shutdown?.attempts ?? builtIn.shutdown.attempts,
      delayMs: shutdown?.delay === undefined ? builtIn.shutdown.delayMs : toMs(shutdown.delay),
    },
    phaseTimeoutMs:
      lifecycle.phaseTimeout === undefined ? builtIn.phaseTimeoutMs : toMs(lifecycle.phaseTimeout),
    resultsFolder:
      lifecycle.results === undefined
        ? builtIn.resultsFolder
        : localFile(lifecycle.results, layers, ['lifecycle', 'results'], context),
  }
}

/** The `lifecycle` of the file itself is below all others. */
export const withFile = ([nearest, ...others]: Layers): Layers => [nearest, ...others, []]

/** G6. The nearest level that has `allow` or `skip` decides. */
function allowedOf(
  { allow = [], skip = [] }: LifecycleDocument,
  layers: Layers,
  report: Report,
): readonly LifecycleAction[] {
  const at = (field: string): Path => ['lifecycle', field]
  const level = layers.find((layer) =>
    ['allow', 'skip'].some((field) => report.isWritten([...layer, ...at(field)])),
  )
  if (level === undefined) return lifecycleActions
  const allowed = report.find([level], at('allow'))
  const skipped = report.find([level], at('skip'))
  if (allowed !== undefined && skipped !== undefined)
    report.atKey(skipped, 'cannot stand beside `allow`', 'Remove one of the two.')
  return lifecycleActions.filter((action) =>
    allowed === undefined ? !skip.includes(action) : allow.includes(action),
  )
}

function folderOfPhases(
  { phases }: LifecycleDocument,
  layers: Layers,
  { report, homeDirectory }: LifecycleContext,
): string | undefined {
  const folder = typeof phases === 'string' ? phases : phases?.folder
  if (folder === undefined) return undefined
  // The nearest level that has a folder, alone or beside steps.
  const at = layers
    .map((layer) => {
      const long = report.find([layer], ['lifecycle', 'phases', 'folder'])
      const short = report.find([layer], ['lifecycle', 'phases'])
      return long ?? (short === undefined || report.keys(short).length > 0 ? undefined : short)
    })
    .find((path) => path !== undefined)
  return resolvePath(report.placeOf(at ?? []).source.folder, folder, homeDirectory)
}

/** Steps of a phase come from one level as a whole. */
function stepsOf(
  { phases }: LifecycleDocument,
  layers: Layers,
  context: LifecycleContext,
): LifecycleSpec['phases'] {
  if (phases === undefined || typeof phases === 'string') return {}
  return Object.fromEntries(
    phaseNames.flatMap((phase): readonly (readonly [PhaseName, readonly PhaseStep[]])[] => {
      const steps = phases[phase]
      if (steps === undefined) return []
      const at = ['lifecycle', 'phases', phase]
      return [
        [
          phase,
          resolveSteps(steps, {
            localFile: (path, below) => localFile(path, layers, [...at, ...below], context),
          }),
        ],
      ]
    }),
  )
}

function checkSecretNames(
  { environment = {}, secrets = {} }: LifecycleDocument,
  layers: Layers,
  report: Report,
): void {
  for (const name of Object.keys(secrets).filter((variable) => Object.hasOwn(environment, variable)))
    report.within(
      layers,
      ['lifecycle', 'environment', name],
      'is in `secrets` too',
      'Remove it from one of the two.',
    )
}
