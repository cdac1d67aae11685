import { CommanderError } from 'commander'
import { ProvisionError } from '../lib/errors.ts'
import { processContext } from './context.ts'
import { exitCode } from './exit-codes.ts'
import { fail } from './fail.ts'
import { buildProgram } from './program.ts'
import type { Runner } from './register.ts'

const context = processContext()
const [, , ...words] = process.argv

/** Runs a command's module and leaves with its exit code, after what it wrote has gone out. */
const run: Runner =
  (load) =>
  async (...args) => {
    const command = await load()
    // Commander gives its own object last; the rest is arguments and options, in the order of the command.
    process.exitCode = await command(context, ...(args.slice(0, -1) as never[]))
  }

const program = buildProgram(run)
if (words.length === 0) {
  program.outputHelp()
  process.exitCode = exitCode.usage
} else {
  try {
    await program.parseAsync(process.argv)
  } catch (error) {
    process.exitCode = exitCodeOf(error)
  }
}

/** Commander has told its errors on stderr already, as text; a program that asked for JSON gets one it can read. */
function exitCodeOf(error: unknown): number {
  const isJson = words.includes('--json')
  if (!(error instanceof CommanderError)) return fail(context, error, isJson)
  if (error.exitCode === 0) return exitCode.done
  if (isJson) fail(context, usageError(error), isJson)
  return exitCode.usage
}

function usageError({ message }: CommanderError): ProvisionError {
  return new ProvisionError('usage.invalid', { message: message.replace(/^error: /, '') })
}
