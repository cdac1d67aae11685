import { z } from 'zod'

/**
 * What is read of a run: our own files, and those of older systems, which lack what is optional here. Unknown keys
 * are let pass.
 */
export interface StoredSummary {
  readonly total_wall_seconds: number
  readonly stage_totals_seconds: Readonly<Record<string, number>>
  readonly task_count: number
  readonly top_20_slowest_tasks: readonly StoredRecord[]
  readonly stage_wall_seconds?: Readonly<Record<string, number>> | undefined
  readonly unattributed_seconds?: number | undefined
  readonly command?: string | undefined
  readonly outcome?: string | undefined
  readonly started_at?: string | undefined
}

export interface StoredRecord {
  readonly task_name: string
  readonly status: string
  readonly duration_seconds: number
  readonly host: string
  readonly stage: string
  readonly task_action: string
  readonly instance: string
}

/** Seconds may have been written as text. */
const seconds = z.union([
  z.number().nonnegative(),
  z
    .string()
    .regex(/^\d+(\.\d+)?$/)
    .transform(Number),
])

const record = z.object({
  task_name: z.string().min(1),
  status: z.string().default('ok'),
  duration_seconds: seconds,
  host: z.string().default(''),
  stage: z.string().default('other'),
  task_action: z.string().default(''),
  instance: z.string().default(''),
})

const summary = z.object({
  total_wall_seconds: seconds,
  stage_totals_seconds: z.record(z.string(), seconds),
  task_count: z.number().int().nonnegative(),
  top_20_slowest_tasks: z.array(record).default([]),
  stage_wall_seconds: z.record(z.string(), seconds).optional(),
  unattributed_seconds: seconds.optional(),
  command: z.string().optional(),
  outcome: z.string().optional(),
  started_at: z.string().optional(),
})

/** `undefined` for what is not a summary. */
export function parseSummary(text: string): StoredSummary | undefined {
  const result = summary.safeParse(jsonOf(text))
  return result.success ? result.data : undefined
}

/** The records of a JSONL file, and how many of its lines are none: the last one of a killed run may be half. */
export function parseLines(text: string): {
  readonly records: readonly StoredRecord[]
  readonly unreadable: number
} {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const records = lines.flatMap((line) => {
    const result = record.safeParse(jsonOf(line))
    return result.success ? [result.data] : []
  })
  return { records, unreadable: lines.length - records.length }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
