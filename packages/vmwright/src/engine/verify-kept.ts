import { imagePoolName } from '../plan/naming.ts'
import type { Difference } from './verify-compare.ts'

interface Kept {
  readonly kind: Difference['kind']
  readonly name: RegExp
  readonly what: Difference['what']
  readonly reason: string
  readonly when?: (difference: Omit<Difference, 'kept'>) => boolean
}

/** All that a project leaves on a host although it is gone, each with its reason and the way to remove it. */
const keptOnPurpose: readonly Kept[] = [
  {
    kind: 'pools',
    name: new RegExp(`^${imagePoolName}$`),
    what: 'left',
    reason: 'images stay for the next run; `vmwright images prune` removes them',
  },
  {
    kind: 'volumes',
    name: new RegExp(`^${imagePoolName}/`),
    what: 'left',
    reason: 'images stay for the next run; `vmwright images prune` removes them',
  },
  {
    kind: 'sysctls',
    name: /\.ip_forward$|\.forwarding$/,
    what: 'changed',
    reason:
      'libvirt switches forwarding on for a network and never off, because others may rely on it by then',
    when: ({ before, now }) => before === '0' && now === '1',
  },
  {
    kind: 'networks',
    name: /./,
    what: 'changed',
    reason: 'it was started for machines, and others may use it by now; `virsh net-destroy` stops it',
    when: ({ before = '', now = '' }) => before === now.replace(/^active/, 'inactive'),
  },
  {
    kind: 'files',
    name: /^\/var\/lib\/vmwright\/(changes|bridges)(\/|$)/,
    what: 'left',
    reason: 'a record of what `vmwright host prepare` changed; `vmwright host restore` takes it back',
  },
  {
    kind: 'files',
    name: /^\/var\/lib\/vmwright\/access$/,
    what: 'left',
    reason: 'a record of access that was given; `vmwright host access --undo` takes it back',
  },
  {
    kind: 'files',
    name: /^\/var\/lib\/vmwright\/protected$/,
    what: 'left',
    reason: 'the folder in which protected templates are noted, for the next clone',
  },
]

/** Why that difference is meant to be; `undefined`: it is not. Pure. */
export const keptBecause = (difference: Omit<Difference, 'kept'>): string | undefined =>
  keptOnPurpose.find(
    ({ kind, name, what, when }) =>
      kind === difference.kind &&
      what === difference.what &&
      name.test(difference.name) &&
      (when === undefined || when(difference)),
  )?.reason
