import type { HostFactsOfSystem, HostItem, HostItemState } from '../../../host/items.ts'
import type { Lines } from './lines.ts'
import { sysctlPath } from './sysctl-path.ts'

export const sysctlFile = '/etc/sysctl.d/60-vmwright.conf'
export const modulesFile = '/etc/modules-load.d/vmwright.conf'

type Seen = Omit<HostItemState, 'item'>

/** What the lines of `inspectScript` say of the item with that index. Pure; throws `RangeError` for a line that lacks. */
export function stateOf(
  item: HostItem,
  index: number,
  facts: HostFactsOfSystem,
  lines: Lines,
): HostItemState {
  const seen = look(item, index, facts, lines)
  const noRoot = facts.isRoot
    ? undefined
    : 'it needs root: log in as root, or as a user that may run `sudo -n`'
  return { item, ...seen, whyNot: seen.isSo ? undefined : (seen.whyNot ?? noRoot) }
}

function look(item: HostItem, index: number, facts: HostFactsOfSystem, lines: Lines): Seen {
  switch (item.kind) {
    case 'package':
      return packageState(item.name, lines)
    case 'service':
      return facts.init === 'systemd' ? unitState(item.name, lines) : processState(item.name, lines)
    case 'sysctl':
      return sysctlState(item, answer('sysctl', index, lines), lines)
    case 'config-line':
      return lineState(item, answer('config', index, lines))
    case 'kernel-module':
      return moduleState(item.name, answer('module', index, lines), facts, lines)
    case 'group-member':
      return memberState(item, answer('member', index, lines))
  }
}

/** What follows the index in the one line about this item. */
function answer(kind: string, index: number, lines: Lines): string {
  const line = lines.all(kind).find((each) => each.startsWith(`${index} `))
  if (line === undefined) throw new RangeError(`the host told nothing of its ${kind} ${index}`)
  return line.slice(`${index} `.length)
}

const so = (now: string): Seen => ({ isSo: true, now, whyNot: undefined })
const not = (now: string, whyNot?: string): Seen => ({ isSo: false, now, whyNot })

function packageState(name: string, lines: Lines): Seen {
  const states = lines.all('have').flatMap((line) => {
    const [have = '', state = ''] = line.split(' ')
    return have === name ? [state] : []
  })
  if (states.includes('installed')) return so('installed')
  const now = states.find((state) => state !== 'not-installed' && state !== 'config-files')
  return not(
    now ?? 'not installed',
    lines.all('manager').length === 0
      ? 'the host has none of apt-get, dnf, yum, zypper and pacman'
      : undefined,
  )
}

const enabledStates = ['enabled', 'enabled-runtime', 'static', 'generated', 'alias']

/** A service that a socket starts counts as running, and as started with the host when its socket is. */
function unitState(name: string, lines: Lines): Seen {
  const unit = (type: string): Readonly<Record<string, string>> => {
    const line = lines.all('unit').find((each) => each.startsWith(`${name} ${type} `)) ?? ''
    return Object.fromEntries(
      line.split(' ').flatMap((word) => {
        const at = word.indexOf('=')
        return at < 0 ? [] : [[word.slice(0, at), word.slice(at + 1)]]
      }),
    )
  }
  const [service, socket] = [unit('service'), unit('socket')]
  if (service['LoadState'] !== 'loaded') return not('not installed')
  const isActive = service['ActiveState'] === 'active' || socket['ActiveState'] === 'active'
  const file = service['UnitFileState'] ?? ''
  const isEnabled =
    enabledStates.includes(file) ||
    (file === 'indirect' && enabledStates.includes(socket['UnitFileState'] ?? ''))
  if (isActive && isEnabled) return so('running')
  if (file === 'masked') return not('masked', 'somebody has masked it: `systemctl unmask` first')
  return not(`${isActive ? 'running' : 'stopped'}, ${isEnabled ? 'enabled' : 'not started with the host'}`)
}

/** Longest name of a process that the kernel keeps (`TASK_COMM_LEN` without its end). */
const commLength = 15

function processState(name: string, lines: Lines): Seen {
  if (lines.all('process').includes(name.slice(0, commLength)))
    return so('running; start it with the host yourself, there is no systemd')
  return not(lines.all('program').includes(name) ? 'stopped' : 'not installed')
}

function sysctlState(
  { name, value }: { readonly name: string; readonly value: string },
  told: string,
  lines: Lines,
): Seen {
  if (told === 'missing') return not('not there', 'this kernel has no such setting')
  if (told === 'hidden') return not('hidden', 'it cannot be read')
  const now = plain(told.slice('value '.length))
  const later = persistentSettings(lines).findLast((each) => each.path === sysctlPath(name))
  if (now === plain(value) && later?.value === plain(value)) return so(now)
  const overriding = later !== undefined && later.value !== plain(value) && isAfterOurs(later.file)
  return not(
    now === plain(value)
      ? `${now}, not kept over a restart`
      : later?.value === plain(value)
        ? `${now}, ${later.value} from the next start`
        : now,
    overriding ? `${later.file} sets it to ${later.value}, after ${sysctlFile}` : undefined,
  )
}

const plain = (value: string): string => value.trim().replaceAll(/\s+/g, ' ')

const isAfterOurs = (file: string): boolean =>
  file === '/etc/sysctl.conf' || (file.split('/').at(-1) ?? '') > '60-vmwright.conf'

function persistentSettings(
  lines: Lines,
): readonly { readonly file: string; readonly path: string; readonly value: string }[] {
  return lines.all('setting').flatMap((line) => {
    const [file = '', text = ''] = line.split('\t')
    const at = text.indexOf('=')
    const name = text.slice(0, at).trim().replace(/^-/, '')
    return at < 0 ? [] : [{ file, path: sysctlPath(name), value: plain(text.slice(at + 1)) }]
  })
}

function lineState({ value }: { readonly value: string }, told: string): Seen {
  if (told === 'absent') return not('no file')
  if (told === 'no-folder') return not('no file')
  if (told === 'hidden') return not('hidden', 'it cannot be read without root')
  if (told === 'none') return not('not set')
  const now = told.slice(told.indexOf('=') + 1).trim()
  return now === value.trim() ? so(now) : not(now)
}

function moduleState(name: string, told: string, facts: HostFactsOfSystem, lines: Lines): Seen {
  const underscored = (text: string): string => text.replaceAll('-', '_')
  if (told === 'builtin') return so('built in')
  const isListed = lines.all('listed').map(underscored).includes(underscored(name))
  if (told === 'loaded' && isListed) return so('loaded')
  const now = told === 'loaded' ? 'loaded, not kept over a restart' : 'not loaded'
  if (facts.virtualisation.isContainer && told !== 'loaded')
    return not(now, 'modules are loaded outside of this container')
  if (told === 'missing')
    return not(
      now,
      lines.first('loads-modules') === 'yes'
        ? `the kernel ${facts.kernel} has no such module`
        : 'this kernel loads no modules',
    )
  return not(now)
}

function memberState({ user }: { readonly user: string }, told: string): Seen {
  if (told === 'yes') return so('member')
  if (told === 'no-user') return not('no such user', `the host has no user ${user}`)
  return not(told === 'no-group' ? 'no such group yet' : 'not a member')
}
