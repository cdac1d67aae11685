import { formatProblem } from '../../spec/problem.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { fail } from '../fail.ts'
import { loadProblems } from '../load.ts'
import type { SpecOptions } from '../options.ts'

/** All problems at once, as `file:line:column: path: problem`. */
export async function validate(context: CliContext, options: SpecOptions): Promise<number> {
  try {
    const { spec, problems } = await loadProblems(context, options)
    const isValid = spec !== undefined && problems.every((problem) => problem.severity === 'warning')
    if (options.json) context.stdout.write(`${JSON.stringify({ valid: isValid, problems }, null, 2)}\n`)
    else {
      for (const problem of problems) context.stderr.write(`${formatProblem(problem)}\n`)
      if (isValid)
        context.stdout.write(
          `${options.file} is valid: ${counted(spec.instances.length, 'instance')} on ${counted(spec.hosts.length, 'host')}.\n`,
        )
    }
    return isValid ? exitCode.done : exitCode.specInvalid
  } catch (error) {
    return fail(context, error, options.json)
  }
}

const counted = (count: number, what: string): string => `${count} ${count === 1 ? what : `${what}s`}`
