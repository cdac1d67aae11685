import type { HostChange, HostItem } from '../../../host/items.ts'

/** Records as `listScript` prints them, latest first. One that cannot be read is left out: nothing is known of it. */
export function parseRecords(text: string): readonly HostChange[] {
  return text
    .split(/^record /m)
    .slice(1)
    .flatMap((block) => parseRecord(block.split('\n').slice(1)))
    .toSorted((one, other) => other.atMs - one.atMs)
}

function parseRecord(lines: readonly string[]): readonly HostChange[] {
  const after = (start: string): readonly string[] =>
    lines.flatMap((line) => (line.startsWith(start) ? [line.slice(start.length)] : []))
  const item = parseItem(after('item ').at(-1) ?? '')
  const atMs = Number(after('at ')[0])
  if (item === undefined || !Number.isFinite(atMs) || !lines.includes('end')) return []
  const before = new Map<string, string>()
  for (const line of after('before ')) {
    const [key = '', coded = ''] = line.split(' ')
    const value = Buffer.from(coded, 'base64').toString()
    before.set(key, before.has(key) ? `${before.get(key)}\n${value}` : value)
  }
  return [{ item, atMs, before: Object.fromEntries(before) }]
}

const fields: Readonly<Record<HostItem['kind'], readonly string[]>> = {
  package: ['name'],
  service: ['name'],
  sysctl: ['name', 'value'],
  'config-line': ['path', 'key', 'value', 'separator'],
  'kernel-module': ['name'],
  'group-member': ['user', 'group'],
}

/** It was written by another run, maybe of another version. */
function parseItem(json: string): HostItem | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return isItem(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isItem(value: unknown): value is HostItem {
  if (value === null || typeof value !== 'object' || !('kind' in value)) return false
  const wanted = Object.entries(fields).find(([kind]) => kind === value.kind)?.[1]
  const record = value as Record<string, unknown> // an object, as was just seen
  return wanted?.every((field) => typeof record[field] === 'string') ?? false
}
