import { join, resolve } from 'node:path'
import { composeServices } from '../../compose.ts'
import { apply, destroy, preview } from '../../engine/operations.ts'
import { plainRequest } from '../../plan/plain-request.ts'
import type { InstanceSpec } from '../../spec/resolved.ts'
import {
  makeBenchmarkFolder,
  noteLastRun,
  removeIfEmpty,
  writeTimes,
} from '../../timings/benchmark-folder.ts'
import { startWatch } from '../../timings/process-times.ts'
import { cleanUpFolder } from '../../timings/read.ts'
import { attempt, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load, type Loaded } from '../load.ts'
import { operate, type OperateOptions } from '../operate.ts'
import type { SpecOptions } from '../options.ts'
import { renderReport } from '../output/benchmark-text.ts'
import { renderPlan } from '../output/plan-text.ts'
import { readReport } from './benchmark-report.ts'

export interface ColdOptions extends SpecOptions, Omit<OperateOptions, 'timings'> {
  readonly repeat: number
  readonly root: string
  readonly dir?: string
  readonly top: number
}

/**
 * Removes the declared machines with their disks and makes them again, timed, as often as asked. Nothing is removed
 * before it is sure that nothing known speaks against making them. The first repetition that fails is the last: its
 * data stay, and are no result.
 */
export async function cold(
  context: CliContext,
  names: readonly string[],
  options: ColdOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const loaded = withoutPackageUpdates(await load(context, options, names))
    if (!(await mayBeMadeAgain(context, loaded, options))) return exitCode.blocked
    const root = resolve(context.currentDirectory, options.root)
    const directory = options.dir === undefined ? undefined : resolve(context.currentDirectory, options.dir)
    const folder = await makeBenchmarkFolder({ root, directory }, context.seam.nowMs())
    for (let number = 1; number <= options.repeat; number++) {
      const own = options.repeat === 1 ? folder : join(folder, `run-${number}`)
      // What later repetitions remove, this benchmark has made.
      const asked = { ...options, yes: options.yes || number > 1 }
      const cleaned = await cleanUp(context, loaded, { ...asked, timings: join(own, cleanUpFolder) })
      if (cleaned !== exitCode.done) {
        await removeIfEmpty(folder)
        return cleaned
      }
      await noteLastRun(root, folder)
      const watch = startWatch(() => context.seam.monotonicMs())
      const made = await provision(context, loaded, { ...asked, timings: own })
      await writeTimes(own, watch())
      if (made !== exitCode.done) {
        context.stderr.write(`What was measured until then is in ${own}. It is no result.\n`)
        return made
      }
    }
    const report = await readReport(context, { ...options, dir: folder })
    context.stdout.write(
      options.json ? `${JSON.stringify({ kind: 'benchmark', ...report })}\n` : renderReport(report),
    )
    return exitCode.done
  })
}

type StepOptions = SpecOptions & OperateOptions
type Wanted = Pick<Loaded, 'spec' | 'instances'>

const cleanUp = (context: CliContext, loaded: Wanted, options: StepOptions): Promise<number> =>
  operate(context, [], options, 'destroy', {
    work: (progress, operation) => destroy(progress, operation, { disks: 'delete', adopt: new Set() }),
    needsConfirmation: () => true,
    loaded,
    tell: 'problems',
  })

const provision = (context: CliContext, loaded: Wanted, options: StepOptions): Promise<number> =>
  operate(context, [], options, 'apply', {
    work: (progress, operation) => apply(progress, operation, plainRequest),
    needsConfirmation: () => false,
    loaded,
    tell: 'problems',
  })

/** Looks at the plan that replaces every machine, which is what a cold benchmark does in two steps. */
async function mayBeMadeAgain(context: CliContext, loaded: Wanted, options: ColdOptions): Promise<boolean> {
  const replace = new Set(loaded.instances.map((instance) => instance.name))
  const plan = await withView(context, { json: options.json }, (progress) =>
    preview(
      progress,
      { ...loaded, services: composeServices(loaded.spec, context) },
      { ...plainRequest, replace },
    ),
  )
  const errors = plan.findings.filter((finding) => finding.severity === 'error')
  if (errors.length === 0) return true
  if (options.json)
    context.stdout.write(
      `${JSON.stringify({ kind: 'result', outcome: 'blocked', changes: plan.changes, resources: plan.resources, findings: plan.findings, instances: [] })}\n`,
    )
  else context.stderr.write(renderPlan(plan, 'changes'))
  return false
}

/** How long a publisher's mirror takes says nothing of the program. */
export const withoutPackageUpdates = ({ spec, instances }: Wanted): Wanted => ({
  spec: { ...spec, instances: spec.instances.map(withoutPackageUpdate) },
  instances: instances.map(withoutPackageUpdate),
})

const withoutPackageUpdate = (instance: InstanceSpec): InstanceSpec => ({
  ...instance,
  cloudInit: {
    ...instance.cloudInit,
    packageUpdate: false,
    packageUpgrade: false,
    raw: Object.fromEntries(Object.entries(instance.cloudInit.raw).filter(([key]) => !updatingKeys.has(key))),
  },
})

/** In cloud-init's own words, old ones among them. */
const updatingKeys: ReadonlySet<string> = new Set([
  'package_update',
  'package_upgrade',
  'apt_update',
  'apt_upgrade',
])
