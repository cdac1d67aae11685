export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB

const units: Readonly<Record<string, number>> = {
  B: 1,
  K: KiB,
  KiB,
  KB: 1000,
  M: MiB,
  MiB,
  MB: 1000 ** 2,
  G: GiB,
  GiB,
  GB: 1000 ** 3,
  T: 1024 * GiB,
  TiB: 1024 * GiB,
  TB: 1000 ** 4,
}

/** `16GiB`, `512M`, `1.5G` → bytes; `undefined` when it is not a size. A bare number is not a size: it needs a unit. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim())
  if (match === null) return undefined
  const factor = units[match[2] ?? '']
  const bytes = factor === undefined ? Number.NaN : Math.round(Number(match[1]) * factor)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** 10737418240 → `10 GiB`; at most one decimal. */
export function formatBytes(bytes: number): string {
  for (const [unit, factor] of [
    ['TiB', 1024 * GiB],
    ['GiB', GiB],
    ['MiB', MiB],
    ['KiB', KiB],
  ] as const) {
    if (bytes >= factor) return `${trimmed(bytes / factor)} ${unit}`
  }
  return `${bytes} B`
}

/** 93_000 → `1m33s`, 4_200 → `4.2s`, 85 → `85ms`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`
  if (ms < 60_000) return `${trimmed(ms / 1000)}s`
  const minutes = Math.floor(ms / 60_000)
  return `${minutes}m${String(Math.floor((ms % 60_000) / 1000)).padStart(2, '0')}s`
}

const trimmed = (value: number): string => value.toFixed(1).replace(/\.0$/, '')
