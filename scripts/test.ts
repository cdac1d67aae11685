import { fork, spawnSync } from 'node:child_process'
import { join, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { startVitest, type Reporter, type TestCase, type TestModule } from 'vitest/node'

/**
 * `make test`: lint and types, then the kinds of test one after the other, cheapest first. The last line printed
 * is `N passed, N failed, N skipped`. `TEST_PROJECTS=unit,contract` narrows. A kind of which no test ran counts
 * as a failure: silence proves nothing. Each kind runs in a process group of its own, so that a test that never
 * ends, even one in a loop that answers no signal, is named and removed when the time for its kind is over.
 */
const root = join(import.meta.dirname, '..')
const projects = ['unit', 'contract', 'acceptance'] as const
type Project = (typeof projects)[number]

interface Tally {
  readonly passed: number
  /** What failed, and what was skipped with its reason: one line each. */
  readonly failed: readonly string[]
  readonly skipped: readonly string[]
}

/** Minutes. All together stay below what a CI machine with two cores gives. */
const limits: Readonly<Record<Project, number>> = { unit: 8, contract: 14, acceptance: 65 }

type Message =
  | { readonly kind: 'running'; readonly files: readonly string[] }
  | { readonly kind: 'done'; readonly tally: Tally }

const only = projects.find((one) => one === process.argv[2])
if (only === undefined) await runAll()
else await runInThisProcess(only)

async function runAll(): Promise<void> {
  const tallies: Tally[] = []
  if (process.env['TEST_PROJECTS'] === undefined) {
    tallies.push(check('lint', 'oxlint', ['--deny-warnings']))
    tallies.push(check('format', 'prettier', ['--check', '--log-level', 'warn', '.']))
    tallies.push(check('types', 'tsc', ['-p', 'tsconfig.json']))
  }
  for (const project of chosenProjects()) tallies.push(await runProject(project))
  report(tallies)
}

function chosenProjects(): readonly Project[] {
  const names = process.env['TEST_PROJECTS']?.split(',') ?? projects
  return names.map((name) => {
    const project = projects.find((one) => one === name.trim())
    if (project !== undefined) return project
    console.error(`TEST_PROJECTS has '${name}'; there are: ${projects.join(', ')}`)
    process.exit(64)
  })
}

function check(name: string, program: string, args: readonly string[]): Tally {
  console.log(`\n── ${name}`)
  const bin = join(root, 'node_modules/.bin', program)
  const { status } = spawnSync(bin, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  return status === 0
    ? { passed: 1, failed: [], skipped: [] }
    : { passed: 0, failed: [`${name}: ${program} found problems`], skipped: [] }
}

function runProject(project: Project): Promise<Tally> {
  console.log(`\n── ${project} tests`)
  const child = fork(import.meta.filename, [project], { cwd: root, detached: true })
  const endGroup = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // The group has ended by itself.
    }
  }
  const interrupted = (): never => {
    endGroup()
    process.exit(130)
  }
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  let tally: Tally | undefined
  let running: readonly string[] = []
  let isOverdue = false
  const limit = setTimeout(() => {
    isOverdue = true
    endGroup()
  }, limits[project] * 60_000)
  child.on('message', (message: Message) => {
    if (message.kind === 'done') tally = message.tally
    else running = message.files
  })
  return new Promise((resolve) => {
    child.once('exit', () => {
      clearTimeout(limit)
      endGroup()
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
      const why = isOverdue ? `did not end within ${limits[project]} minutes` : 'vitest ended early'
      const where = running.length > 0 ? `; running: ${running.join(', ')}` : ''
      resolve(tally ?? { passed: 0, failed: [`${project}: ${why}${where}`], skipped: [] })
    })
  })
}

async function runInThisProcess(project: Project): Promise<void> {
  const tell = (message: Message): void => void process.send?.(message)
  const running = new Set<string>()
  const reporter: Reporter = {
    onTestModuleStart(module) {
      running.add(relative(root, module.moduleId))
      tell({ kind: 'running', files: [...running] })
    },
    onTestModuleEnd(module) {
      running.delete(relative(root, module.moduleId))
      tell({ kind: 'running', files: [...running] })
    },
    onTestRunEnd(modules, unhandledErrors) {
      tell({ kind: 'done', tally: countUp(project, modules, unhandledErrors.length) })
    },
  }
  // Real guests take minutes: tell about each test. There are too many of the others for that.
  const readable = project === 'acceptance' ? 'verbose' : 'default'
  const vitest = await startVitest('test', [], {
    root,
    project: [project],
    watch: false,
    reporters: [readable, reporter],
  })
  await vitest.close()
  process.disconnect?.()
}

function countUp(project: Project, modules: readonly TestModule[], strayErrors: number): Tally {
  const tests = modules.flatMap((module) => [...module.children.allTests()])
  const inState = (state: string): readonly TestCase[] => tests.filter((one) => one.result().state === state)
  const passed = inState('passed').length
  const failed = inState('failed').map(describeFailure)
  for (const module of modules) {
    // A file that cannot be loaded has no tests to fail.
    if (module.errors().length > 0)
      failed.push(`${relative(root, module.moduleId)}: the file could not be run`)
  }
  if (strayErrors > 0) failed.push(`${project}: ${strayErrors} errors outside of any test`)
  if (passed + failed.length === 0) failed.push(`${project}: no test ran`)
  return { passed, failed, skipped: inState('skipped').map(describe) }
}

function describe(test: TestCase): string {
  const result = test.result()
  const reason = result.state === 'skipped' ? ` (${result.note ?? 'no reason given'})` : ''
  return `${relative(root, test.module.moduleId)}: ${test.fullName}${reason}`
}

/** The first lines of what went wrong too: of a long output, often only the end is kept. */
function describeFailure(test: TestCase): string {
  const messages = (test.result().errors ?? []).flatMap(({ message }) =>
    stripVTControlCharacters(message).split('\n'),
  )
  return [describe(test), ...messages.slice(0, 30).map((line) => `    ${line}`)].join('\n  ')
}

function report(all: readonly Tally[]): void {
  const passed = all.reduce((sum, tally) => sum + tally.passed, 0)
  const failed = all.flatMap((tally) => tally.failed)
  const skipped = all.flatMap((tally) => tally.skipped)
  if (skipped.length > 0) console.log(`\nSkipped:\n${skipped.map((line) => `  ${line}`).join('\n')}`)
  if (failed.length > 0) {
    console.log(`\nFailed:\n${failed.map((line) => `  ${line}`).join('\n')}`)
    // Once more without their output, of which the end of a long log may not leave the beginning.
    console.log(`\nFailed, in short:\n${failed.map((line) => `  ${line.split('\n', 1)[0]}`).join('\n')}`)
  }
  console.log(`\n${passed} passed, ${failed.length} failed, ${skipped.length} skipped`)
  process.exitCode = failed.length === 0 ? 0 : 1
}
