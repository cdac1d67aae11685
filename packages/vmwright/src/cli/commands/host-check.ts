import { checkPrepared, type HostCheck } from '../../engine/host-check.ts'
import { attempt, show, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode, exitCodeOfError } from '../exit-codes.ts'
import { type HostOptions, hostServices, hostTarget } from '../host-target.ts'
import { renderChecks } from '../output/host-text.ts'

export interface HostCheckOptions extends HostOptions {
  readonly detailedExitcode: boolean
}

/**
 * K1, K2: hosts beside what they should be. Changes nothing. Exit code 5 where something is in the way, 2 where
 * `host prepare` has something to do and `--detailed-exitcode` asks.
 */
export async function hostCheck(
  context: CliContext,
  names: readonly string[],
  options: HostCheckOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const { hosts } = await hostTarget(context, names, options)
    const checks = await withView(context, {}, (progress) => checkPrepared(progress, hosts, hostServices))
    show(context, options.json, { hosts: checks.map(jsonOf) }, () => renderChecks(checks))
    const failed = checks.flatMap((check) => (check.kind === 'failed' ? [check.error] : []))
    if (failed[0] !== undefined) return exitCodeOfError(failed[0].code)
    if (checks.some(isBlocked)) return exitCode.blocked
    return options.detailedExitcode && checks.some(hasWork) ? exitCode.changes : exitCode.done
  })
}

const isBlocked = (check: HostCheck): boolean =>
  check.kind === 'checked' && check.findings.some(({ severity }) => severity === 'error')

const hasWork = (check: HostCheck): boolean =>
  check.kind === 'checked' &&
  (check.state.items.some(({ isSo, whyNot }) => !isSo && whyNot === undefined) ||
    check.bridges.some(({ action }) => action !== 'blocked'))

const jsonOf = (check: HostCheck) =>
  check.kind === 'failed'
    ? { host: check.host, error: check.error }
    : {
        host: check.host,
        facts: check.state.report.facts,
        items: check.state.items,
        bridges: check.bridges,
        virtualisation: check.verdict,
        findings: check.findings,
      }
