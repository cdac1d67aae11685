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

const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** 10737418240 → `10 GiB`; at most one decimal. */
export function formatBytes(bytes: number): string {
  let [value, unit] = [bytes, 0]
  // As rounded: 1023.96 KiB are shown as 1 MiB, not as 1024 KiB.
  for (; Math.round(value * 10) >= 10_240 && unit < binaryUnits.length - 1; unit++) value /= 1024
  return `${trimmed(value)} ${binaryUnits[unit]}`
}

/** 93_000 → `1m33s`, 4_200 → `4.2s`, 85 → `85ms`. */
export function formatDuration(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.round(ms)}ms`
  if (Math.round(ms / 100) < 600) return `${trimmed(ms / 1000)}s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`
}

/** In its largest unit, whole: 1_209_600_000 → `14d`, `5h`, `12m`, `40s`. */
export function formatAge(ms: number): string {
  const [factor, unit] = ages.find(([factor]) => ms >= factor) ?? [1000, 's']
  return `${Math.max(0, Math.floor(ms / factor))}${unit}`
}

const ages = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
] as const

const trimmed = (value: number): string => value.toFixed(1).replace(/\.0$/, '')
