/** What cloud-init itself recorded about its run. Pure; files as documented in "Reported status" of its manual. */
export interface CloudInitRecord {
  readonly dataSource: string | undefined
  /** Of result.json: a module failed. */
  readonly errors: readonly string[]
  /** Of status.json since 23.4: level (`WARNING`, `ERROR`, `DEPRECATED`, …) → messages. */
  readonly recoverable: Readonly<Record<string, readonly string[]>>
}

/** `undefined` when the text is not (yet) a whole result.json. status.json is optional: old versions differ. */
export function parseCloudInitRecord(resultJson: string, statusJson: string): CloudInitRecord | undefined {
  const result = versionOne(resultJson)
  if (result === undefined) return undefined
  const dataSource = result['datasource']
  return {
    dataSource: typeof dataSource === 'string' ? dataSource : undefined,
    errors: texts(result['errors']),
    recoverable: recoverableOf(versionOne(statusJson) ?? {}),
  }
}

/** The lines that make a run a failure: every error, and what was recovered from at level ERROR or above. */
export const failuresOf = (record: CloudInitRecord): readonly string[] => [
  ...record.errors,
  ...(record.recoverable['ERROR'] ?? []),
  ...(record.recoverable['CRITICAL'] ?? []),
]

/** cloud-init ran, but on the data source that it takes when there is no other. */
export const foundNoDataSource = (record: CloudInitRecord): boolean =>
  record.dataSource?.startsWith('DataSourceNone') ?? false

/** Each stage has its own; `recoverable_errors` at the top is what `cloud-init status --format json` prints. */
function recoverableOf(status: Readonly<Record<string, unknown>>): Record<string, readonly string[]> {
  const merged: Record<string, string[]> = {}
  for (const stage of [status, ...Object.values(status)]) {
    if (!isRecord(stage) || !isRecord(stage['recoverable_errors'])) continue
    for (const [level, messages] of Object.entries(stage['recoverable_errors']))
      merged[level] = [...new Set([...(merged[level] ?? []), ...texts(messages)])]
  }
  return merged
}

function versionOne(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const document: unknown = JSON.parse(json)
    return isRecord(document) && isRecord(document['v1']) ? document['v1'] : undefined
  } catch {
    return undefined
  }
}

const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : [])

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
