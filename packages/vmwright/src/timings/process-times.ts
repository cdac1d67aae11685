import { readFileSync } from 'node:fs'

/** What the shell's `time` measures. */
export interface ProcessTimes {
  readonly realSeconds: number
  /** Of the process and of those of its children that have ended. */
  readonly userSeconds: number
  readonly systemSeconds: number
  /** Most memory that the process had at once, so far, in KiB; without its children. */
  readonly maxRssKb: number | undefined
}

/** `time.txt`, with the names that older systems gave the lines. */
export const renderTimes = (times: ProcessTimes): string =>
  [
    `real_seconds=${times.realSeconds.toFixed(3)}`,
    `user_seconds=${times.userSeconds.toFixed(3)}`,
    `sys_seconds=${times.systemSeconds.toFixed(3)}`,
    ...(times.maxRssKb === undefined ? [] : [`max_rss_kb=${times.maxRssKb}`]),
    '',
  ].join('\n')

/** `undefined` when one of the first three lines is missing or no number. */
export function parseTimes(text: string): ProcessTimes | undefined {
  const value = (name: string): number | undefined => {
    const found = new RegExp(`^${name}=([0-9]+(?:\\.[0-9]+)?)\\s*$`, 'm').exec(text)?.[1]
    return found === undefined ? undefined : Number(found)
  }
  const [realSeconds, userSeconds, systemSeconds] = ['real_seconds', 'user_seconds', 'sys_seconds'].map(value)
  if (realSeconds === undefined || userSeconds === undefined || systemSeconds === undefined) return undefined
  return { realSeconds, userSeconds, systemSeconds, maxRssKb: value('max_rss_kb') }
}

/** Starts the watch; the function that it returns reads it. */
export function startWatch(monotonicMs: () => number): () => ProcessTimes {
  const startedMs = monotonicMs()
  const own = process.cpuUsage()
  const children = childTicks()
  return () => {
    const { user, system } = process.cpuUsage(own)
    const after = childTicks()
    return {
      realSeconds: (monotonicMs() - startedMs) / 1000,
      userSeconds: user / 1_000_000 + (after.user - children.user) / ticksPerSecond,
      systemSeconds: system / 1_000_000 + (after.system - children.system) / ticksPerSecond,
      maxRssKb: process.resourceUsage().maxRSS,
    }
  }
}

/** USER_HZ, which Linux shows in `/proc` on all architectures that Node runs on. */
const ticksPerSecond = 100

interface Ticks {
  readonly user: number
  readonly system: number
}

/** Node tells the use of its children nowhere; the kernel does. Elsewhere than on Linux they count for nothing. */
function childTicks(): Ticks {
  try {
    return parseChildTicks(readFileSync('/proc/self/stat', 'utf8'))
  } catch {
    return { user: 0, system: 0 }
  }
}

/** `cutime` and `cstime`, fields 16 and 17 of proc_pid_stat(5); the name before them may have spaces and brackets. */
export function parseChildTicks(stat: string): Ticks {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { user: Number(fields[13]), system: Number(fields[14]) }
}
