import { named } from '../protocol/call.ts'
import { connectCalls } from './connect.ts'
import { domainCalls } from './domain.ts'
import { networkCalls } from './network.ts'
import { snapshotCalls } from './snapshot.ts'
import { storageCalls } from './storage.ts'

/** Every call this package knows, by libvirt's own name. To add one, add a line to its file. */
export const calls = named({
  ...connectCalls,
  ...domainCalls,
  ...snapshotCalls,
  ...networkCalls,
  ...storageCalls,
})
