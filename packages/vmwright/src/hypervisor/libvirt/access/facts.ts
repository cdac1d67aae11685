import { type Acl, parseAcl, type Rights, rightsOf } from './acl.ts'

/** What a host says about some paths and the user that shall reach them. */
export interface AccessFacts {
  readonly user: string
  /** `undefined`: the host has no such user. */
  readonly identity: Identity | undefined
  /** Uid that looked. */
  readonly runner: number
  readonly hasSetfacl: boolean
  /** libvirt gives disks to the user when a guest starts (`dynamic_ownership`). */
  readonly dynamicOwnership: boolean
  /** `security_driver` of qemu.conf as it is written there. */
  readonly securityDriver: string | undefined
  readonly mounts: readonly Mount[]
  readonly places: readonly Place[]
  /** For each path asked for, in order. */
  readonly walks: readonly Walk[]
  /** False: nobody could act as the user, so the rights are computed. */
  readonly isTested: boolean
  readonly apparmor: AppArmorFacts | undefined
  readonly selinux: SelinuxFacts | undefined
}

export interface Identity {
  readonly uid: number
  readonly groups: readonly number[]
}

/** One component of a path, symbolic links resolved. */
export interface Place {
  readonly path: string
  readonly kind: 'folder' | 'file' | 'block-device' | 'other'
  readonly uid: number
  readonly gid: number
  readonly acl: Acl
  readonly isImmutable: boolean
  /** What the user could do when it was tried; says nothing below a place that stops it. */
  readonly tested: Rights | undefined
  /** SELinux context. */
  readonly label: string | undefined
}

export interface Walk {
  /** `hidden`: who looked may not look further. */
  readonly state: 'there' | 'missing' | 'hidden' | 'loop'
  readonly places: readonly Place[]
}

export interface Mount {
  readonly at: string
  readonly type: string
  readonly options: readonly string[]
}

export interface AppArmorFacts {
  /** Lines of the kernel's list that name libvirt's daemon: `libvirtd (enforce)`. Empty where it cannot be read. */
  readonly profiles: readonly string[]
  /** The administrator's own rules for guests. */
  readonly rules: readonly string[]
}

export interface SelinuxFacts {
  readonly enforcing: boolean
  readonly booleans: ReadonlyMap<string, boolean>
}

/** Reads the output of `factsScript`. Throws `RangeError` where it is cut short. */
export function parseFacts(output: string): AccessFacts {
  const lines = new Map<string, string[]>()
  for (const line of output.split('\n')) {
    const [kind = ''] = line.split(' ', 1)
    lines.set(kind, [...(lines.get(kind) ?? []), line.slice(kind.length + 1)])
  }
  const all = (kind: string): readonly string[] => lines.get(kind) ?? []
  const conf = (key: string): string | undefined =>
    all('conf')
      .find((line) => line.startsWith(`${key} `))
      ?.slice(key.length + 1)
      .trim() || undefined
  const [user = '', uid = '', groups = ''] = all('user')[0]?.split(' ') ?? []
  if (uid === '') throw new RangeError('the facts about access name no user')
  const places = placesOf(all)
  const enforce = all('selinux')[0]
  return {
    user,
    identity: uid === '-' ? undefined : { uid: Number(uid), groups: groups.split(',').map(Number) },
    runner: Number(all('runner')[0]),
    hasSetfacl: all('tool').includes('setfacl') && all('tool').includes('getfacl'),
    dynamicOwnership: conf('dynamic_ownership') !== '0',
    securityDriver: conf('security_driver'),
    mounts: all('mount').map(parseMount),
    places,
    walks: all('walk').map((line) => walkOf(line, places)),
    isTested: places.every((place) => place.tested !== undefined),
    apparmor: all('apparmor')[0] === 'on' ? { profiles: all('profile'), rules: all('rule') } : undefined,
    selinux:
      enforce === undefined
        ? undefined
        : {
            enforcing: enforce === '1',
            booleans: new Map(
              all('boolean').map((line): [string, boolean] => {
                const [name = '', value] = line.split(' ')
                return [name, value === '1']
              }),
            ),
          },
  }
}

function placesOf(all: (kind: string) => readonly string[]): readonly Place[] {
  const paths = Buffer.from(all('paths')[0] ?? '', 'hex')
    .toString()
    .split('\0')
    .slice(0, -1)
  const stats = all('stat')
  if (stats.length !== paths.length) throw new RangeError('some paths changed while they were looked at')
  const acls = all('acl')
    .join('\n')
    .split('\n\n')
    .filter((block) => block.trim() !== '')
  const tests = all('can')
  const labels = all('label')
  return paths.map((path, index) => {
    const [mode = '0', uid, gid] = stats[index]?.split(' ') ?? []
    const bits = Number.parseInt(mode, 16)
    const acl = acls.length === paths.length ? acls[index] : undefined
    const test = tests.length === paths.length ? tests[index] : undefined
    return {
      path,
      kind: kinds.get(bits & 0o170000) ?? 'other',
      uid: Number(uid),
      gid: Number(gid),
      acl: parseAcl(acl ?? '', bits & 0o777),
      isImmutable: all('immutable').includes(String(index)),
      tested: test === undefined ? undefined : rightsOf(test),
      label: labels.length === paths.length ? labels[index] : undefined,
    }
  })
}

/** Types of files in `st_mode`. */
const kinds: ReadonlyMap<number, Place['kind']> = new Map([
  [0o040000, 'folder'],
  [0o100000, 'file'],
  [0o060000, 'block-device'],
])

function walkOf(line: string, places: readonly Place[]): Walk {
  const [state, indexes = ''] = line.split(' ')
  return {
    state: state === 'missing' || state === 'hidden' || state === 'loop' ? state : 'there',
    places: indexes.split(',').flatMap((index) => places[Number(index)] ?? []),
  }
}

/** A line of `/proc/self/mountinfo` (proc(5)): options of the mount, a lone `-`, type, source, options of the file system. */
function parseMount(line: string): Mount {
  const words = line.split(' ')
  const dash = words.indexOf('-')
  return {
    at: (words[4] ?? '').replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    ),
    type: words[dash + 1] ?? '',
    options: [...(words[5] ?? '').split(','), ...(words[dash + 3] ?? '').split(',')],
  }
}
