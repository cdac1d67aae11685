import type {
  DistributionFamily,
  HostFactsOfSystem,
  LibvirtFacts,
  VirtualisationFacts,
} from '../../../host/items.ts'
import type { Lines } from './lines.ts'

/** What the lines of `inspectScript` say of the host itself. Pure. */
export function factsOf(lines: Lines): HostFactsOfSystem {
  const family = familyOf(lines.first('ids'))
  return {
    distribution: lines.first('distribution') || 'an unknown distribution',
    release: lines.first('release'),
    family,
    architecture: lines.first('architecture'),
    kernel: lines.first('kernel'),
    init: lines.first('init') === 'systemd' ? 'systemd' : 'none',
    isRoot: lines.first('runner') === '0',
    libvirt: libvirtOf(lines, family),
    virtualisation: virtualisationOf(lines),
  }
}

const families: readonly (readonly [DistributionFamily, readonly string[]])[] = [
  ['debian', ['debian', 'ubuntu']],
  ['redhat', ['fedora', 'rhel', 'centos']],
  ['suse', ['suse', 'opensuse', 'sles', 'opensuse-leap', 'opensuse-tumbleweed']],
  ['arch', ['arch', 'archlinux']],
]

/** By `ID` and `ID_LIKE` of os-release(5), which has the nearest relative first. */
export function familyOf(ids: string): DistributionFamily {
  for (const id of ids.split(' ')) {
    const family = families.find(([, names]) => names.includes(id))?.[0]
    if (family !== undefined) return family
  }
  return 'unknown'
}

/** Where both kinds of daemons are installed, those that are enabled or run count, else the family's habit. */
function libvirtOf(lines: Lines, family: DistributionFamily): LibvirtFacts | undefined {
  const versions = new Map(
    lines.all('daemon').map((line) => {
      const [name = '', version = ''] = line.split(' ')
      return [name, version] as const
    }),
  )
  const isUsed = (name: string): boolean =>
    lines.all('uses').includes(name) || lines.all('process').includes(name)
  const has = (name: string): boolean => versions.has(name)
  const version = versions.get('libvirtd') ?? versions.get('virtqemud')
  if (version === undefined) return undefined
  const isModular =
    has('virtqemud') &&
    (!has('libvirtd') ||
      (!isUsed('libvirtd') && (isUsed('virtqemud') || family === 'redhat' || family === 'suse')))
  return { version, daemons: isModular ? 'modular' : 'monolithic' }
}

function virtualisationOf(lines: Lines): VirtualisationFacts {
  const flags = lines.all('flag')
  const vendor = lines.first('vendor')
  const inside = lines.first('inside')
  const nested = lines.all('nested')[0]
  const device = lines.all('device')[0]
  return {
    processor: flags.includes('vmx') ? 'vmx' : flags.includes('svm') ? 'svm' : undefined,
    vendor: vendor === 'GenuineIntel' ? 'intel' : vendor === 'AuthenticAMD' ? 'amd' : undefined,
    modules: lines.all('loaded'),
    hasDevice: device !== undefined,
    deviceAccess: device,
    inside:
      inside !== '' && inside !== 'none'
        ? inside
        : flags.includes('hypervisor')
          ? 'a virtual machine'
          : undefined,
    isContainer: lines.all('container').length > 0,
    nested: nested === undefined ? undefined : nested === 'Y' || nested === '1',
  }
}
