import type { Progress } from '../../../lib/progress.ts'
import { ProvisionError } from '../../../lib/errors.ts'
import type { HostCommand, HostShell } from '../host-shell.ts'

/**
 * For scripts that tell several things at once: `section NAME` before each, and `root COMMAND…` for what only root
 * sees. With `session` as `$1`, or without the right to use sudo, they tell what their user sees. `of_nft TOOL`: this
 * iptables is the one that keeps its rules in nftables (when in doubt, it says no).
 */
export const sectionHelpers = `
LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/sbin:/sbin
mode=$1; shift
has() { command -v "$1" >/dev/null 2>&1; }
section() { echo "@@ $1"; }
if [ "$(id -u)" = 0 ] || [ "$mode" = session ]; then root() { "$@" 2>/dev/null; }
else root() { sudo -n env "PATH=$PATH" "$@" 2>/dev/null; }; fi
of_nft() { [ "$(command -v "$1")" -ef "$(command -v xtables-nft-multi)" ]; }
`

/** What such a script told, as lines by section; those that it left out are empty. */
export interface Sections {
  of(name: string): readonly string[]
}

/** Runs a script of sections in one round trip. Throws `host.operation-failed` where it did not come to its end. */
export async function readSections(
  shell: HostShell,
  progress: Progress,
  command: Pick<HostCommand, 'script' | 'effect' | 'arguments'>,
): Promise<Sections> {
  // Not from the kept output, which is cut where there is much.
  const lines: string[] = []
  const { exitCode, stderr } = await shell.run(progress, {
    script: `${sectionHelpers}${command.script}\nsection end`,
    arguments: [shell.isSession ? 'session' : 'system', ...(command.arguments ?? [])],
    effect: command.effect,
    privileged: false,
    onLine: (line, stream) => stream === 'stdout' && lines.push(line),
  })
  const sections = parseSections(lines)
  if (exitCode === 0 && lines.at(-1) === '@@ end') return sections
  throw new ProvisionError('host.operation-failed', {
    message: `Could not look at host ${shell.host}: ${stderr.trim().split('\n').at(-1) || `the command ended with ${exitCode}`}`,
    details: { host: shell.host },
  })
}

export function parseSections(lines: readonly string[]): Sections {
  const sections = new Map<string, string[]>()
  let current: string[] = []
  for (const line of lines) {
    if (line.startsWith('@@ ')) sections.set(line.slice(3), (current = []))
    else if (line !== '') current.push(line)
  }
  return { of: (name) => sections.get(name) ?? [] }
}
