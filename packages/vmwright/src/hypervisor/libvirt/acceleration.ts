import { calls, errorCode } from '@vmwright/libvirt'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { isProvisionError, ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { childrenOf, el, find, parseXml, textAt, writeXml } from '../../lib/xml.ts'
import type { HostSpec } from '../../spec/resolved.ts'
import { libvirtCodeOf, type Session } from './session.ts'

/**
 * Whether guests on this host run with KVM. Capabilities only tell where KVM is certainly absent: a host may list
 * it and fail at the first start. So a guest of 16 MiB is started, paused, and dropped. The result is kept per
 * host and boot.
 */
export async function probeAcceleration(
  session: Session,
  progress: Progress,
  spec: HostSpec,
  architecture: string,
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
  const key = `${version} ${await bootId()}`
  const file = join(cacheFolder(), `${probed.hostUuid}.json`)
  const known = await recall(file)
  const ageMs = progress.seam.nowMs() - (known?.atMs ?? 0)
  if (known?.key === key && ageMs >= 0 && ageMs < believedForMs) return known.failure
  const trial = await tryStart(session, progress, probed.architecture)
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

/** `VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY`: it never runs, and dies with this connection. */
const pausedAutodestroy = 1 | 2
const startTimeoutMs = 20_000

/** `unclear`: the host was too slow to tell, so the next run tries again. */
type Trial = { readonly kind: 'works' } | { readonly kind: 'fails' | 'unclear'; readonly reason: string }

async function tryStart(session: Session, progress: Progress, architecture: string): Promise<Trial> {
  const name = `vmwright-probe-${Buffer.from(progress.seam.randomBytes(6)).toString('hex')}`
  const purpose = {
    object: name,
    doing: 'start a trial guest with KVM',
    lane: 'slow',
    timeoutMs: startTimeoutMs,
  } as const
  const xml = writeXml(trialDomain(name, architecture))
  try {
    const { domain } = await session.call(
      progress,
      calls.domainCreateXml,
      { xml, flags: pausedAutodestroy },
      purpose,
    )
    await session.callUnless(
      progress,
      calls.domainDestroyFlags,
      { domain },
      {
        ...purpose,
        doing: 'stop the trial guest',
        absent: [errorCode.noDomain, errorCode.operationInvalid],
      },
    )
    return { kind: 'works' }
  } catch (error) {
    progress.check()
    if (isProvisionError(error, 'host.timeout'))
      return { kind: 'unclear', reason: 'a trial guest did not start in time' }
    if (libvirtCodeOf(error) === undefined) throw error
    return { kind: 'fails', reason: 'a trial guest did not start' }
  }
}

const trialDomain = (name: string, architecture: string) =>
  el(
    'domain',
    { type: 'kvm' },
    el('name', {}, name),
    el('memory', { unit: 'MiB' }, '16'),
    el('vcpu', {}, '1'),
    el('os', {}, el('type', { arch: architecture }, 'hvm')),
    el('cpu', { mode: 'host-passthrough' }),
    el('devices', {}, el('controller', { type: 'usb', model: 'none' }), el('memballoon', { model: 'none' })),
  )
