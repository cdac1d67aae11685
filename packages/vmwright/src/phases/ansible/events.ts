import * as z from 'zod'
import { eventMark } from './callback.ts'

const result = z.object({
  msg: z.unknown().optional(),
  stdout: z.unknown().optional(),
  stderr: z.unknown().optional(),
  module_stdout: z.unknown().optional(),
  module_stderr: z.unknown().optional(),
  rc: z.number().optional().catch(undefined),
  skip_reason: z.unknown().optional(),
  changed: z.boolean().optional().catch(undefined),
})

const ending = {
  task: z.string(),
  action: z.string(),
  status: z.enum(['ok', 'failed', 'skipped', 'unreachable', 'retry']),
  ignored: z.boolean(),
  item: z.unknown(),
  result,
}

const event = z.discriminatedUnion('event', [
  z.object({ event: z.literal('start') }),
  z.object({ event: z.literal('task'), task: z.string(), name: z.string() }),
  z.object({ event: z.literal('result'), ...ending }),
  z.object({ event: z.literal('item'), ...ending }),
  z.object({ event: z.literal('include'), file: z.string() }),
])

/** What the plug-in tells. */
export type AnsibleEvent = z.infer<typeof event>
export type TaskEnd = Extract<AnsibleEvent, { event: 'result' | 'item' }>

/** `undefined`: a line that Ansible printed by itself. */
export function parseEvent(line: string): AnsibleEvent | undefined {
  if (!line.startsWith(eventMark)) return undefined
  try {
    return event.safeParse(JSON.parse(line.slice(eventMark.length))).data
  } catch {
    return undefined
  }
}

/** For the log: how it ended, and what it printed. Pure. */
export function describeEnd({ event: kind, status, ignored, item, action, result: found }: TaskEnd): string {
  const word =
    status === 'ok' && found.changed === true
      ? 'changed'
      : status === 'failed' && ignored
        ? 'failed, ignored'
        : status
  const label = kind === 'item' && item !== null && item !== undefined ? `: ${textOf(item)}` : ''
  const isBad = status === 'failed' || status === 'unreachable'
  const tellsItself = ['debug', 'fail', 'assert', 'pause'].includes(action.split('.').at(-1) ?? '')
  const texts = [
    isBad || tellsItself ? found.msg : undefined,
    found.stdout,
    found.stderr,
    ...(isBad ? [found.module_stdout, found.module_stderr] : []),
    status === 'skipped' ? found.skip_reason : undefined,
  ]
  const lines = texts
    .map(textOf)
    .flatMap((text) => text.split('\n'))
    .filter((line) => line.trim() !== '')
  return [`  ${word}${label}`, ...lines.map((line) => `    ${line}`)].map((line) => `${line}\n`).join('')
}

const textOf = (value: unknown): string =>
  value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value)
