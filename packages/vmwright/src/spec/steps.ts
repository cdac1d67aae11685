import type { StepDocument } from '@vmwright/contract'
import type { Path } from './node.ts'
import { toMs } from './quantity.ts'
import type { PhaseStep } from './resolved-lifecycle.ts'

export interface StepContext {
  /** The absolute path of a local file that is named at a path below the list of steps: `[0, 'copy', 'from']`. */
  localFile(path: string, at: Path): string
}

/** G4. Steps as they are written, in the spec or in a phase file, with all that was left out. Pure. */
export const resolveSteps = (
  documents: readonly StepDocument[],
  context: StepContext,
): readonly PhaseStep[] => documents.map((document, index) => resolveStep(document, [index], context))

function resolveStep(document: StepDocument, at: Path, context: StepContext): PhaseStep {
  if (typeof document === 'string')
    return resolveStep(document === 'reboot' ? { reboot: true } : { shell: document }, at, context)
  const common = (title: string) => ({
    title: document.name ?? title,
    timeoutMs: document.timeout === undefined ? undefined : toMs(document.timeout),
    environment: 'environment' in document ? (document.environment ?? {}) : {},
    user: 'user' in document ? document.user : undefined,
  })
  if ('shell' in document)
    return {
      ...common(shortened(document.shell)),
      kind: 'shell',
      command: document.shell,
      directory: document.directory,
      exitCodes: document.exitCodes ?? [0],
    }
  if ('script' in document)
    return {
      ...common(shortened([document.script, ...(document.args ?? [])].join(' '))),
      kind: 'script',
      path: context.localFile(document.script, [...at, 'script']),
      args: document.args ?? [],
      directory: document.directory,
      exitCodes: document.exitCodes ?? [0],
    }
  if ('copy' in document) {
    const { from, to, mode, owner } = document.copy
    const path = context.localFile(from, [...at, 'copy', 'from'])
    return { ...common(`copy ${from} to ${to}`), kind: 'copy', from: path, to, mode, owner }
  }
  if ('template' in document) {
    const { from, to, mode, owner } = document.template
    const path = context.localFile(from, [...at, 'template', 'from'])
    return { ...common(`template ${from} to ${to}`), kind: 'template', from: path, to, mode, owner }
  }
  if ('fetch' in document) {
    const { from, optional = false } =
      typeof document.fetch === 'string' ? { from: document.fetch } : document.fetch
    return { ...common(`fetch ${from}`), kind: 'fetch', from, optional }
  }
  if ('reboot' in document) return { ...common('reboot'), kind: 'reboot' }
  const { wait } = document
  if (typeof wait === 'string')
    return { ...common(`wait ${wait}`), kind: 'wait', for: { kind: 'time', ms: toMs(wait) } }
  if ('port' in wait)
    return { ...common(`wait for port ${wait.port}`), kind: 'wait', for: { kind: 'port', port: wait.port } }
  if ('path' in wait)
    return { ...common(`wait for ${wait.path}`), kind: 'wait', for: { kind: 'path', path: wait.path } }
  return {
    ...common(`wait until ${shortened(wait.command)}`),
    kind: 'wait',
    for: { kind: 'command', command: wait.command },
  }
}

const maxTitle = 72

/** The first line that says something, for people. */
function shortened(command: string): string {
  const lines = command
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const first = lines.find((line) => !line.startsWith('#')) ?? lines[0] ?? command
  const cut = first.length > maxTitle ? first.slice(0, maxTitle - 2) : first
  return cut === first && lines.length < 2 ? first : `${cut.trimEnd()} …`
}
