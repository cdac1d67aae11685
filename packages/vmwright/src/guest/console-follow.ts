import type { ConsoleStream, GuestAccess } from '../hypervisor/guest-access.ts'
import { messageOf } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { ConsoleTail, LineSplitter } from './console-lines.ts'
import type { ConsoleClassifier, Finding, FindingKind } from './console.ts'

export interface SeenFinding extends Finding {
  /** On the monotonic clock. */
  readonly atMs: number
}

/** A console that is being read in the background: its end, and what was found on it so far. */
export interface FollowedConsole extends AsyncDisposable {
  /** Why there is no console to read, or no longer. */
  readonly problem: string | undefined
  tail(lines: number): readonly string[]
  /** The latest finding of a kind. */
  latest(kind: FindingKind): SeenFinding | undefined
  all(): readonly SeenFinding[]
}

const keptCharacters = 64 * 1024
const keptFindings = 200

/**
 * Follows a guest's serial console from now on. A host without consoles, or a console that somebody else holds,
 * is no failure: waiting then relies on the other channels.
 */
export async function followConsole(
  progress: Progress,
  guest: GuestAccess,
  classify: ConsoleClassifier,
  onFinding: (finding: Finding) => void,
): Promise<FollowedConsole> {
  const tail = new ConsoleTail(keptCharacters)
  const splitter = new LineSplitter()
  const findings: SeenFinding[] = []
  let problem: string | undefined

  const note = (finding: Finding): void => {
    findings.push({ ...finding, atMs: progress.seam.monotonicMs() })
    if (findings.length > keptFindings) findings.shift()
    onFinding(finding)
  }
  let prompt = ''
  const read = async (console: ConsoleStream): Promise<void> => {
    for await (const chunk of console) {
      for (const line of splitter.push(chunk)) {
        tail.add(line)
        if (line !== prompt) classify(line).forEach(note)
      }
      if (splitter.partial === prompt) continue
      prompt = splitter.partial
      classify(prompt).forEach(note)
    }
    problem = 'the console ended'
  }

  let console: ConsoleStream | undefined
  let reading = Promise.resolve()
  try {
    console = await guest.console(progress)
    reading = read(console).catch((error: unknown) => {
      problem = messageOf(error)
    })
  } catch (error) {
    progress.check()
    problem = messageOf(error)
  }

  return {
    get problem() {
      return problem
    },
    tail: (lines) =>
      splitter.partial === '' ? tail.last(lines) : [...tail.last(lines - 1), splitter.partial],
    latest: (kind) => findings.findLast((finding) => finding.kind === kind),
    all: () => findings,
    async [Symbol.asyncDispose]() {
      await console?.[Symbol.asyncDispose]()
      await reading
    },
  }
}
