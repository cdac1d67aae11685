import type { SpecDocument } from '@vmwright/contract'
import type { ImagePolicy } from './resolved.ts'
import { toMs } from './quantity.ts'

const dayMs = 86_400_000

export function resolveImagePolicy(policy: NonNullable<SpecDocument['imagePolicy']> = {}): ImagePolicy {
  const { refresh } = policy
  return {
    refresh:
      refresh === 'always' || refresh === 'never'
        ? { kind: refresh }
        : { kind: 'older-than', maxAgeMs: refresh === undefined ? dayMs : toMs(refresh) },
    verifyCached: policy.verifyCached ?? true,
    repair: policy.repair ?? false,
    allowNocloud: policy.allowNocloud ?? false,
  }
}
