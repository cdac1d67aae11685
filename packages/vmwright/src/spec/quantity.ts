import { MiB, parseSize } from '../lib/units.ts'

/** `2GiB` → 2048; rounded up to whole MiB. For texts that the schema has let through. */
export const toMib = (size: string): number => Math.ceil((parseSize(size) ?? 0) / MiB)

/** `1h30m` → 5400000. For texts that the schema has let through. */
export function toMs(duration: string): number {
  const [, hours = '0', minutes = '0', seconds = '0'] =
    /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(duration) ?? []
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
}
