import type { Identity } from './facts.ts'

/** Three bits as in a mode: 4 read, 2 write, 1 execute or search. */
export type Rights = number

/** A POSIX ACL; without named entries and mask it says the same as the mode. */
export interface Acl {
  readonly owner: Rights
  readonly users: ReadonlyMap<number, Rights>
  readonly group: Rights
  readonly groups: ReadonlyMap<number, Rights>
  readonly mask: Rights | undefined
  readonly other: Rights
}

/** `r-x` → 5. */
export const rightsOf = (text: string): Rights =>
  (text[0] === 'r' ? 4 : 0) | (text[1] === 'w' ? 2 : 0) | (text[2] === 'x' ? 1 : 0)

/** 5 → `r-x`. */
export const rightsText = (rights: Rights): string =>
  `${(rights & 4) === 0 ? '-' : 'r'}${(rights & 2) === 0 ? '-' : 'w'}${(rights & 1) === 0 ? '-' : 'x'}`

/** Reads what `getfacl -cnE` prints of one file; the mode stands in for what is not there. */
export function parseAcl(text: string, mode: number): Acl {
  const users = new Map<number, Rights>()
  const groups = new Map<number, Rights>()
  const base = { owner: (mode >> 6) & 7, group: (mode >> 3) & 7, other: mode & 7 }
  let mask: Rights | undefined
  for (const line of text.split('\n')) {
    const match = /^(user|group|mask|other):(\d*):([r-][w-][x-])/.exec(line)
    if (match === null) continue
    const [, kind, id = '', word = ''] = match
    const rights = rightsOf(word)
    if (kind === 'mask') mask = rights
    else if (kind === 'other') base.other = rights
    else if (id !== '') (kind === 'user' ? users : groups).set(Number(id), rights)
    else if (kind === 'user') base.owner = rights
    else base.group = rights
  }
  return { ...base, users, groups, mask }
}

/**
 * What the file's modes and ACL let that user do, by the algorithm of acl(5): the owner's entry alone for the owner,
 * else the user's own entry, else the groups', else everybody's.
 */
export function computeRights(
  file: { readonly uid: number; readonly gid: number; readonly acl: Acl },
  { uid, groups }: Identity,
): Rights {
  const { acl } = file
  if (uid === file.uid) return acl.owner
  const mask = acl.mask ?? 7
  const named = acl.users.get(uid)
  if (named !== undefined) return named & mask
  const ofGroups = [
    ...(groups.includes(file.gid) ? [acl.group] : []),
    ...[...acl.groups].filter(([gid]) => groups.includes(gid)).map(([, rights]) => rights),
  ]
  if (ofGroups.length === 0) return acl.other
  return ofGroups.reduce((sum, rights) => sum | rights, 0) & mask
}

/**
 * Whether a named entry with these rights can be added without giving anybody else more than now: the mask, which
 * has to include them, also bounds the group and all named entries.
 */
export function hidesRights({ users, group, groups, mask }: Acl, uid: number, rights: Rights): boolean {
  if (mask === undefined) return false
  const gained = rights & ~mask
  const others = [group, ...groups.values(), ...[...users].filter(([id]) => id !== uid).map(([, own]) => own)]
  return others.some((entry) => (entry & gained) !== 0)
}
