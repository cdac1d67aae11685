import type { InstanceDocument } from '@vmwright/contract'
import { mergeDeep } from './merge.ts'

/** Settings laid on others. Short forms are written out first, so that they merge with long ones. */
export const mergeSettings = (under: InstanceDocument, over: InstanceDocument): InstanceDocument =>
  mergeDeep(writtenOut(under), writtenOut(over))

function writtenOut(settings: InstanceDocument): InstanceDocument {
  const { lifecycle } = settings
  if (lifecycle === undefined) return settings
  const { phases, connection } = lifecycle
  return {
    ...settings,
    lifecycle: {
      ...lifecycle,
      ...(typeof phases === 'string' ? { phases: { folder: phases } } : {}),
      ...(typeof connection === 'string' ? { connection: { kind: connection } } : {}),
    },
  }
}
