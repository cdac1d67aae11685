import { type Carrier, type Found, found } from './carrier.ts'
import type { Definition } from './guest-lifecycle-definitions.ts'
import { carryNet } from './guest-lifecycle-network.ts'
import { lifecycleSettings } from './guest-lifecycle-settings.ts'
import { carrySources, variableNames, type VariableName } from './guest-lifecycle-sources.ts'
import type { KeyNames } from './key-names.ts'
import { tellUnknownKeys } from './leftovers.ts'
import { asMatching, asOneOf, asText, asWhole } from './readers.ts'
import { entriesOf, scalarAt, type Value } from '../spec/ansible/value.ts'

/** Keys that are given so far, over all machines. */
export interface Keys {
  readonly images: KeyNames
  readonly networks: KeyNames
  readonly pools: KeyNames
  readonly secrets: KeyNames
}

/** Writes one definition as an instance on a host, and returns its name. One whose name is there already is left out. */
export function carryMachine(
  carrier: Carrier,
  { vm, pair }: Definition,
  { host, keys }: { readonly host: string | undefined; readonly keys: Keys },
): string | undefined {
  const metadata = entriesOf(vm.entries.get('metadata'))
  const field = (key: string): Found | undefined => found(`vm.${key}`, vm.entries.get(key))
  const meta = (key: string): Found | undefined =>
    found(`metadata.${key}`, metadata.get(key) ?? vm.entries.get(key))
  const named = nameOf(pair, meta('name'))
  const full = carrier.read(['instances'], named, asText)
  if (full === undefined || named === undefined) {
    if (named === undefined) carrier.notes.add('question', vm.place, 'a definition has no metadata.name')
    return undefined
  }
  const name = instanceName(full)
  const at = ['instances', name]
  if (carrier.draft.has(at)) {
    carrier.warn(pair?.place ?? vm.place, `${name} is there twice; it is taken once`)
    return undefined
  }
  const arch = carrier.read([...at, 'architecture'], field('arch'), asText)
  const foreign = arch === undefined ? undefined : foreignOf(arch)
  tellUnknownKeys(carrier, 'vm', vm, lifecycleSettings)
  const ownMetadata = vm.entries.get('metadata')
  if (ownMetadata !== undefined) tellUnknownKeys(carrier, 'metadata', ownMetadata, lifecycleSettings)
  carrier.draft.open(at)
  if (full !== name)
    carrier.notes.add(
      'decided',
      named.value.place,
      `the machine is called ${name}: only letters, digits and - are names here`,
    )
  if (host !== undefined) carrier.draft.set([...at, 'host'], host)
  const variableOf = variableNames({ machine: name, platform: pair?.platform }, keys.secrets)
  const id = idOf(pair?.platform ?? name)
  carrySources(carrier, at, { vm, id, foreign, images: keys.images, variableOf })
  carryHardware(carrier, at, { field, foreign })
  carryNet(carrier, at, vm.entries.get('net'), keys.networks)
  carryAuth(carrier, at, metadata.get('auth') ?? vm.entries.get('auth'), variableOf)
  carryPool(carrier, at, meta('libvirt_pool_dir'), keys.pools)
  return name
}

/** The architecture as the spec spells it; `undefined` for that of usual hosts. */
function foreignOf(arch: string): string | undefined {
  const same: Readonly<Record<string, string>> = {
    amd64: 'x86_64',
    arm64: 'aarch64',
    arm: 'armv7l',
    armhf: 'armv7l',
    ppc64el: 'ppc64le',
    ppc64: 'ppc64le',
  }
  const name = same[arch] ?? arch
  return name === 'x86_64' ? undefined : name
}

function nameOf(pair: Definition['pair'], name: Found | undefined): Found | undefined {
  if (name !== undefined || pair === undefined) return name
  return found('platform and target', scalarAt(pair.place, `VM ${pair.platform}_${pair.target}`))
}

export const instanceName = (text: string): string =>
  text
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63) || 'vm'

export const idOf = (text: string): string =>
  text
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 63) || 'image'

function carryHardware(
  carrier: Carrier,
  at: readonly string[],
  {
    field,
    foreign,
  }: { readonly field: (key: string) => Found | undefined; readonly foreign: string | undefined },
): void {
  const vcpus = field('vcpus')
  if (vcpus === undefined) carrier.builtin([...at, 'vcpus'], 4, 'vm.vcpus')
  else {
    carrier.carry([...at, 'vcpus'], vcpus, asWhole)
    carrier.warn(
      vcpus.value.place,
      'vcpus had no effect on KVM, where the template left it out and machines had one; now it counts',
    )
  }
  if (field('ram') === undefined) carrier.builtin([...at, 'memory'], '2048MiB', 'vm.ram')
  else carrier.carry([...at, 'memory'], field('ram'), asWhole, (mib) => `${mib}MiB`)
  carrier.carry([...at, 'machine'], field('machine'), asText, (type) => (type === 'q35' ? undefined : type))
  const firmware = field('firmware')
  if (firmware !== undefined) carrier.carry([...at, 'firmware'], firmware, asText, () => 'uefi')
  else if (foreign === undefined) carrier.builtin([...at, 'firmware'], 'bios', 'vm.firmware')
  if (foreign === undefined) {
    carrier.noEqual(field('cpu'), 'on KVM the CPU of the host was passed through, as it is here')
    carrier.noEqual(field('emulator'), 'libvirt knows the emulator of its host')
    return
  }
  carrier.carry([...at, 'architecture'], field('arch'), asOneOf(architectures), () => foreign)
  carrier.carry([...at, 'cpu'], field('cpu'), asText)
  carrier.carry([...at, 'emulator'], field('emulator'), asMatching(/^\//, 'an absolute path'))
}

/** All spellings that are known, those of other systems too. */
const architectures = [
  'aarch64',
  'arm64',
  'armv7l',
  'arm',
  'armhf',
  'ppc64le',
  'ppc64el',
  'ppc64',
  's390x',
  'riscv64',
] as const

const asUser = asMatching(/^[a-z_][a-z0-9_-]{0,31}$/, 'a user name')

function carryAuth(
  carrier: Carrier,
  at: readonly string[],
  auth: Value | undefined,
  variableOf: VariableName,
): void {
  if (auth === undefined) return
  const entries = entriesOf(auth)
  const field = (key: string): Found | undefined => found(`auth.${key}`, entries.get(key))
  const user = [...at, 'cloudInit', 'user']
  tellUnknownKeys(carrier, 'auth', auth, lifecycleSettings)
  const name = carrier.carry([...user, 'name'], field('user'), asUser, (text) =>
    text === 'root' ? undefined : text,
  )
  if (name === 'root') {
    carrier.secret(
      [...at, 'cloudInit', 'rootPassword'],
      field('password'),
      variableOf('ROOT_PASSWORD', field('password')),
    )
    carrier.notes.add(
      'decided',
      field('user')?.value.place,
      'root logged in; now the user of the image does, with sudo, and the password of root is for the console',
    )
    return
  }
  if (carrier.secret([...user, 'password'], field('password'), variableOf('PASSWORD', field('password'))))
    carrier.draft.set([...at, 'cloudInit', 'sshPasswordAuth'], true, 'auth.password, as it was a login')
  const method = entries.get('become_method')
  const isSu = method?.kind === 'scalar' && method.value === 'su'
  const become = field('become_password')
  if (become === undefined) return
  if (isSu) carrier.secret([...at, 'cloudInit', 'rootPassword'], become, variableOf('ROOT_PASSWORD', become))
  else carrier.noEqual(become, 'the password of the user is that of sudo')
}

function carryPool(
  carrier: Carrier,
  at: readonly string[],
  folder: Found | undefined,
  pools: KeyNames,
): void {
  const text = carrier.read([...at, 'pool'], folder, asText)
  if (folder === undefined || text === undefined) return
  if (!text.startsWith('/')) {
    carrier.noEqual(folder, 'a folder below the home of the user; the default for session hosts is one too')
    return
  }
  const path = text.replace(/(?<=.)\/+$/, '')
  const key = pools.keyFor('instances', path)
  carrier.put(['pools', key, 'path'], path, folder)
  carrier.draft.set([...at, 'pool'], key)
}
