import type { ErrorReport } from '@vmwright/contract'
import { reportOf } from '../lib/error-report.ts'
import { exitCodeOfError, type ExitCode } from './exit-codes.ts'
import type { CliContext } from './context.ts'

/** Tells a failure of the whole command, as text on stderr or as JSON on stdout, and returns the exit code. */
export function fail(context: CliContext, thrown: unknown, json: boolean): ExitCode {
  const report = reportOf(thrown, context.signal)
  if (json) context.stdout.write(`${JSON.stringify({ kind: 'error', error: report })}\n`)
  else context.stderr.write(renderError(report))
  if (
    report.code === 'internal.bug' &&
    context.environment['VMWRIGHT_DEBUG'] !== undefined &&
    thrown instanceof Error
  ) {
    context.stderr.write(`${thrown.stack}\n`)
  }
  return exitCodeOfError(report.code)
}

export const renderError = (error: ErrorReport): string =>
  `error: ${error.message} [${error.code}]\n  ${error.hint}\n`
