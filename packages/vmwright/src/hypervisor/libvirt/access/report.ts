import type { AccessBlock, AccessNeed, AccessRepair, AccessReport, AccessRequest } from '../../host-files.ts'
import { computeRights, hidesRights, type Rights, rightsText } from './acl.ts'
import { appArmorConfines } from './apparmor.ts'
import type { AccessFacts, Identity, Place, Walk } from './facts.ts'
import { mountOf } from './mounts.ts'
import { selinuxConfines } from './selinux.ts'

/** What follows from the facts. Pure. The walks of the facts are those of the request, in its order. */
export function accessReport(facts: AccessFacts, identity: Identity, request: AccessRequest): AccessReport {
  const walked = request.needs.flatMap(({ path, need }, index): readonly Walked[] => {
    const walk = facts.walks[index]
    return walk === undefined ? [] : [{ path, need, walk }]
  })
  return {
    user: facts.user,
    by: facts.isTested ? 'test' : 'computation',
    missing: walked.filter(({ walk }) => walk.state !== 'there').map(({ path }) => path),
    blocked: walked.flatMap((each) => blockOf(facts, identity, each)),
    confined: walked.flatMap((each) => [...appArmorConfines(facts, each), ...selinuxConfines(facts, each)]),
  }
}

export interface Walked {
  readonly path: string
  readonly need: AccessNeed
  readonly walk: Walk
}

function blockOf(
  facts: AccessFacts,
  identity: Identity,
  { path, need, walk }: Walked,
): readonly AccessBlock[] {
  const wantedAt = new Map<Place, Rights>()
  for (const [index, place] of walk.places.entries()) {
    const isLast = index === walk.places.length - 1 && walk.state === 'there'
    wantedAt.set(place, (wantedAt.get(place) ?? 0) | (isLast ? wantedAtEnd(place, need) : 1))
  }
  const lacking: { place: Place; wanted: Rights; has: Rights }[] = []
  for (const [place, wanted] of wantedAt) {
    const computed = effectiveRights(facts, identity, place)
    // Below a place that stops the user, trying tells nothing.
    const has = lacking.length === 0 && place.tested !== undefined ? withOwnership(facts, place) : computed
    if ((wanted & ~has) !== 0) lacking.push({ place, wanted, has: computed })
  }
  const [first] = lacking
  if (first === undefined) return []
  const reasons = lacking.flatMap((each) => noRepairOf(facts, identity, each) ?? [])
  const repairs = lacking.map(({ place, wanted, has }): AccessRepair => ({
    path: place.path,
    user: facts.user,
    permissions: rightsText(has | wanted),
  }))
  const noRepair = reasons[0]
  return [{ path, need, at: first.place.path, repairs: noRepair === undefined ? repairs : [], noRepair }]
}

function wantedAtEnd(place: Place, need: AccessNeed): Rights {
  const content = need === 'search' ? 0 : need === 'read' ? 4 : 6
  return place.kind === 'folder' ? content | 1 : content
}

const withOwnership = (facts: AccessFacts, place: Place): Rights =>
  (place.tested ?? 0) | (isGivenAway(facts, place) ? place.acl.owner : 0)

const effectiveRights = (facts: AccessFacts, identity: Identity, place: Place): Rights =>
  computeRights(place, identity) | (isGivenAway(facts, place) ? place.acl.owner : 0)

/**
 * At the start of a guest libvirt makes the user the owner of each disk and of the files behind it
 * (`virSecurityDACSetImageLabelRelative`, libvirt 9.0), and goes on where it may not: there the files have to be
 * accessible as they are.
 */
function isGivenAway(facts: AccessFacts, place: Place): boolean {
  if (!facts.dynamicOwnership || place.kind === 'folder' || place.kind === 'other') return false
  const { type, options } = mountOf(facts.mounts, place.path)
  return !place.isImmutable && !options.includes('ro') && !withoutOwners.test(type)
}

const withoutOwners = /^(nfs4?|cifs|smb3|vfat|msdos|exfat|ntfs3?|fuse.*|9p|iso9660|udf|squashfs)$/
const withoutAcls =
  /^(vfat|msdos|exfat|ntfs3?|hfs|hfsplus|iso9660|udf|squashfs|nfs4|cifs|smb3|ramfs|proc|sysfs)$/

function noRepairOf(
  facts: AccessFacts,
  identity: Identity,
  { place, wanted, has }: { readonly place: Place; readonly wanted: Rights; readonly has: Rights },
): string | undefined {
  const { type, options } = mountOf(facts.mounts, place.path)
  const missing = wanted & ~has
  if (options.includes('ro')) return `${place.path} is on a file system that is mounted read-only`
  if (missing === 0)
    return `the modes and ACL of ${place.path} (on ${type}) let ${facts.user} through, and yet the kernel does not: the server of a network file system may refuse it`
  if (place.uid === identity.uid)
    return `${place.path} belongs to ${facts.user}, and for its owner an ACL does not count: chmod u+${rightsText(missing).replaceAll('-', '')} it`
  if (withoutAcls.test(type)) return `${place.path} is on ${type}, which has no ACLs`
  if (options.includes('noacl')) return `${place.path} is on a file system that is mounted with noacl`
  if (place.isImmutable) return `${place.path} is immutable (chattr +i)`
  if (!facts.hasSetfacl) return 'setfacl is not installed on the host: its package is acl'
  if (facts.runner !== 0 && facts.runner !== place.uid)
    return `${place.path} belongs to somebody else, and this login may not become root there (sudo)`
  if (hidesRights(place.acl, identity.uid, has | wanted))
    return `${place.path} has an ACL whose mask hides rights of others, which they would get with it: look at getfacl`
  return undefined
}
