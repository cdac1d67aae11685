import { calls } from '@vmwright/libvirt'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { childrenOf, find, parseXml, textAt } from '../../lib/xml.ts'
import type { HostSpec } from '../../spec/resolved.ts'
import { tryKvm } from './kvm-trial.ts'
import type { Session } from './session.ts'

/**
 * Whether guests on this host run with KVM. Capabilities only tell where KVM is certainly absent: a host may list
 * it and fail at the first start, or start a guest that never gets anywhere. So a small guest is really run until
 * its firmware speaks. The result is kept per host and boot.
 */
export async function probeAcceleration(
  session: Session,
  progress: Progress,
  spec: HostSpec,
  { architecture, uefi }: { readonly architecture: string; readonly uefi: boolean },
): Promise<'kvm' | 'emulation'> {
  if (spec.acceleration === 'emulate') return 'emulation'
  const purpose = { object: session.host, doing: 'read the capabilities of the host' }
  const capabilities = parseXml((await session.call(progress, calls.connectGetCapabilities, {}, purpose)).xml)
  const isListed = childrenOf(capabilities, 'guest').some(
    (guest) =>
      find(guest, 'arch')?.attributes['name'] === architecture &&
      childrenOf(find(guest, 'arch'), 'domain').some(({ attributes }) => attributes['type'] === 'kvm'),
  )
  const reason = isListed
    ? await failureOfStart(session, progress, {
        hostUuid: textAt(capabilities, 'host', 'uuid') ?? session.host,
        architecture,
        uefi,
      })
    : 'libvirt does not offer KVM there'
  if (reason === undefined) return 'kvm'
  if (spec.acceleration === 'prefer-kvm') return 'emulation'
  throw new ProvisionError('host.no-acceleration', {
    message: `Host ${session.host} cannot start guests with KVM: ${reason}.`,
    details: { host: session.host, listed: isListed, reason },
  })
}

interface Probed {
  readonly hostUuid: string
  readonly architecture: string
  readonly uefi: boolean
}

/** What is kept of a trial: valid as long as the host has not booted again and runs the same QEMU. */
interface Remembered {
  readonly key: string
  readonly atMs: number
  /** Absent: KVM works. */
  readonly failure?: string
}

/** Of a remote host the time of its boot is not known, so a result is believed for a day. */
const believedForMs = 24 * 3_600_000

async function failureOfStart(
  session: Session,
  progress: Progress,
  probed: Probed,
): Promise<string | undefined> {
  const purpose = { object: session.host, doing: 'read the version of the hypervisor' }
  const { version } = await session.call(progress, calls.connectGetVersion, {}, purpose)
  const key = `run ${version} ${await bootId()}`
  const file = join(cacheFolder(), `${probed.hostUuid}.json`)
  const known = await recall(file)
  const ageMs = progress.seam.nowMs() - (known?.atMs ?? 0)
  if (known?.key === key && ageMs >= 0 && ageMs < believedForMs) return known.failure
  const trial = await tryKvm(session, progress, probed)
  const failure = trial.kind === 'works' ? {} : { failure: trial.reason }
  if (trial.kind !== 'unclear')
    await remember(progress, file, { key, atMs: progress.seam.nowMs(), ...failure })
  return failure.failure
}

/** This machine's boot: what a trial on the local host depends on, and harmless for a remote one. */
const bootId = (): Promise<string> =>
  readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => '',
  )

const cacheFolder = (): string =>
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'vmwright', 'hosts')

async function recall(file: string): Promise<Remembered | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'))
    return isRemembered(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isRemembered = (value: unknown): value is Remembered =>
  value !== null &&
  typeof value === 'object' &&
  'key' in value &&
  typeof value.key === 'string' &&
  'atMs' in value &&
  typeof value.atMs === 'number' &&
  (!('failure' in value) || typeof value.failure === 'string')

/** A cache that cannot be written costs a trial at the next run, and nothing else. */
async function remember(progress: Progress, file: string, value: Remembered): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  const write = async (): Promise<void> => {
    try {
      await mkdir(cacheFolder(), { recursive: true })
      await writeFile(temporary, JSON.stringify(value))
      await rename(temporary, file)
    } catch {
      // See above.
    }
  }
  await progress.seam.effect({ kind: 'file.write', object: file, mutates: true }, write)
}
