import { calls, errorCode } from '@vmwright/libvirt'
import type { Progress } from '../../lib/progress.ts'
import { childrenOf, find, parseXml, textAt } from '../../lib/xml.ts'
import type { HostSpec } from '../../spec/resolved.ts'
import type { Capabilities } from '../contract.ts'
import { whyNoShell } from './host-shell.ts'
import type { Session } from './session.ts'

/**
 * Since 9.2 the firmware file is chosen when a machine is defined and not when it starts, and libvirt refuses
 * internal snapshots of machines whose definition names a flash file (qemu_snapshot.c, `qemuSnapshotPrepare`).
 */
const firmwareChosenAtDefine = 9_002_000n

/** What the host's libvirt can do. Drivers other than QEMU's (the test driver) can do little of it. */
export async function readCapabilities(
  session: Session,
  progress: Progress,
  { uri }: Pick<HostSpec, 'uri'>,
): Promise<Capabilities> {
  const purpose = { object: session.host, doing: 'read the capabilities of the hypervisor' }
  const [{ type }, { version }, hypervisor, described, host] = await Promise.all([
    session.call(progress, calls.connectGetType, {}, purpose),
    session.call(progress, calls.connectGetLibVersion, {}, purpose),
    session.callUnless(progress, calls.connectGetVersion, {}, { ...purpose, absent: [errorCode.noSupport] }),
    session.callUnless(
      progress,
      calls.connectGetDomainCapabilities,
      { virtType: 'qemu' },
      {
        ...purpose,
        timeoutMs: 180_000,
        absent: [errorCode.noSupport, errorCode.invalidArgument, errorCode.configUnsupported],
      },
    ),
    session.callUnless(
      progress,
      calls.connectGetCapabilities,
      {},
      { ...purpose, timeoutMs: 180_000, absent: [errorCode.noSupport] },
    ),
  ])
  const isQemu = type === 'QEMU'
  const domain = described && parseXml(described.xml)
  const os = find(domain, 'os')
  const valuesOf = (parent: typeof os, name: string): readonly (string | undefined)[] =>
    childrenOf(parent, 'enum')
      .filter(({ attributes }) => attributes['name'] === name)
      .flatMap((list) => childrenOf(list, 'value').map((value) => textAt(value)))
  const uefi = isQemu && valuesOf(os, 'firmware').includes('efi')
  const own = hypervisor === undefined ? type : `${type} ${versionText(hypervisor.version)}`
  const architecture = textAt(domain, 'arch') ?? 'x86_64'
  return {
    version: `${own}, libvirt ${versionText(version)}`,
    architecture,
    architectures: host === undefined ? [architecture] : guestArchitectures(host.xml),
    uefi,
    secureBoot: uefi && valuesOf(find(os, 'loader'), 'secure').includes('yes'),
    guestAgent: isQemu,
    console: isQemu,
    noShell: whyNoShell(uri),
    stoppedSnapshot: {
      bios: isQemu ? 'internal' : 'none',
      uefi: uefiSnapshot(isQemu, version),
    },
  }
}

/** Those of which an emulator is installed; libvirt tells once for each type of guest. */
export const guestArchitectures = (capabilities: string): readonly string[] => {
  const guests = childrenOf(parseXml(capabilities), 'guest')
  return [...new Set(guests.flatMap((guest) => find(guest, 'arch')?.attributes['name'] ?? []))].toSorted()
}

function uefiSnapshot(isQemu: boolean, version: bigint): Capabilities['stoppedSnapshot']['uefi'] {
  if (!isQemu) return 'none'
  return version < firmwareChosenAtDefine ? 'internal' : 'external'
}

/** libvirt's form of a version: millions, thousands and ones are its three numbers. */
export const versionText = (version: bigint): string =>
  [version / 1_000_000n, (version / 1000n) % 1000n, version % 1000n].join('.')
