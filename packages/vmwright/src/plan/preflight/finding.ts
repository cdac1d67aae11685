import type { Finding } from '../plan.ts'

export const finding = (
  severity: Finding['severity'],
  code: Finding['code'],
  object: string,
  message: string,
  hint?: string,
): Finding => ({ severity, code, object, message, hint })

/** Names in a hint, in the order of the alphabet. */
export const list = (names: readonly string[]): string =>
  names.length === 0 ? 'none' : names.toSorted().join(', ')
