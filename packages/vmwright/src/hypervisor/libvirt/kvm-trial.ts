import { calls, errorCode, type Domain } from '@vmwright/libvirt'
import { messageOf } from '../../lib/errors.ts'
import { uuidFromNames } from '../../lib/hash.ts'
import type { Progress } from '../../lib/progress.ts'
import { el, writeXml, type XmlElement } from '../../lib/xml.ts'
import { guestAccess } from './guest.ts'
import { libvirtCodeOf, type Session } from './session.ts'

/** `unclear`: the host was too slow to tell, so the next run tries again. */
export type Trial =
  { readonly kind: 'works' } | { readonly kind: 'fails' | 'unclear'; readonly reason: string }

/** One name, so that a trial that was killed is cleared away by the next. */
const name = 'vmwright-kvm-trial'
/** `VIR_DOMAIN_START_AUTODESTROY`: a guest whose trial was killed dies with its connection. */
const autodestroy = 2
/** `VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_NVRAM` */
const undefineAll = 1 | 4
const startTimeoutMs = 20_000
/** Firmware speaks after one or two seconds; a busy host, and one that is a guest itself, get many times that. */
const speakTimeoutMs = 60_000

/**
 * Runs a guest without a disk until its firmware says on the serial console that there is nothing to boot. Where
 * KVM does not really work QEMU aborts, or stops the guest at an instruction that it cannot run, or nothing is
 * ever heard. UEFI firmware is the better trial: it enters 64-bit mode, SeaBIOS does not.
 */
export async function tryKvm(
  session: Session,
  progress: Progress,
  host: { readonly architecture: string; readonly uefi: boolean },
): Promise<Trial> {
  const purpose = {
    object: name,
    doing: 'start a trial guest with KVM',
    lane: 'slow',
    timeoutMs: startTimeoutMs,
  } as const
  await clearAway(session, progress)
  try {
    const xml = writeXml(trialDomain(host))
    const { domain } = await session.call(progress, calls.domainDefineXmlFlags, { xml, flags: 0 }, purpose)
    await session.call(progress, calls.domainCreateWithFlags, { domain, flags: autodestroy }, purpose)
    return await listen(session, progress)
  } catch (error) {
    progress.check()
    if (libvirtCodeOf(error) === undefined) throw error
    return { kind: 'fails', reason: `a trial guest did not start (${messageOf(error).replace(/\.$/, '')})` }
  } finally {
    await clearAway(session, progress)
  }
}

const isFirmwareSpeaking = (text: string): boolean => /BdsDxe|UEFI|Shell>|No bootable device/.test(text)

async function listen(session: Session, outer: Progress): Promise<Trial> {
  const progress = outer.child({ timeoutMs: speakTimeoutMs })
  const guest = guestAccess(session, name)
  await using console = await guest.console(outer)
  let text = ''
  const reading = (async () => {
    for await (const chunk of console) text = (text + Buffer.from(chunk).toString('latin1')).slice(-4096)
  })()
  reading.catch(() => {})
  for (;;) {
    if (isFirmwareSpeaking(text)) return { kind: 'works' }
    if ((await guest.state(outer)) !== 'running')
      return { kind: 'fails', reason: 'a trial guest stopped at once' }
    if (progress.remainingMs === 0) return { kind: 'unclear', reason: 'a trial guest did not get anywhere' }
    await progress.sleep(100)
  }
}

async function clearAway(session: Session, progress: Progress): Promise<void> {
  const purpose = {
    object: name,
    doing: 'remove the trial guest',
    absent: [errorCode.noDomain, errorCode.operationInvalid],
  }
  const domain: Domain | undefined = await session.findDomain(progress, name)
  if (domain === undefined) return
  if (domain.id >= 0)
    await session.callUnless(progress, calls.domainDestroyFlags, { domain }, { ...purpose, lane: 'slow' })
  await session.callUnless(progress, calls.domainUndefineFlags, { domain, flags: undefineAll }, purpose)
}

function trialDomain({
  architecture,
  uefi,
}: {
  readonly architecture: string
  readonly uefi: boolean
}): XmlElement {
  const type = el('type', uefi ? { arch: architecture, machine: 'q35' } : { arch: architecture }, 'hvm')
  return el(
    'domain',
    { type: 'kvm' },
    el('name', {}, name),
    el('uuid', {}, uuidFromNames('kvm-trial')),
    el('title', {}, 'Trial of vmwright: may be removed'),
    el('memory', { unit: 'MiB' }, uefi ? '128' : '16'),
    el('vcpu', {}, '1'),
    // SeaBIOS says it again and again, for a console that was opened too late.
    uefi
      ? el('os', { firmware: 'efi' }, type)
      : el('os', {}, type, el('bios', { useserial: 'yes', rebootTimeout: 1_000 })),
    el('features', {}, el('acpi'), el('apic')),
    el('cpu', { mode: 'host-passthrough' }),
    el('on_crash', {}, 'destroy'),
    el(
      'devices',
      {},
      el('controller', { type: 'usb', model: 'none' }),
      el('serial', { type: 'pty' }),
      el('memballoon', { model: 'none' }),
    ),
  )
}
