import type { Scope } from './ansible/scope.ts'
import type { Place as SourcePlace, Value } from './ansible/value.ts'
import { type Entry, type MapNode, type Node, type Place, problemAt } from './node.ts'
import { normalisePath, resolvePath } from './path.ts'
import type { Problem } from './problem.ts'

export interface HostVariables {
  readonly scope: Scope
  /** Of `hostInventory.uri`. */
  readonly pattern: string | undefined
  readonly homeDirectory: string
  readonly placeOf: (place: SourcePlace) => Place
  readonly problems: Problem[]
}

/** Names that Ansible has for the same, the newest first. */
const connection = {
  host: ['ansible_host', 'ansible_ssh_host'],
  user: ['ansible_user', 'ansible_ssh_user'],
  port: ['ansible_port', 'ansible_ssh_port'],
  key: ['ansible_ssh_private_key_file', 'ansible_private_key_file'],
  how: ['ansible_connection'],
} as const

const usualPattern = 'qemu+ssh://{user}@{host}:{port}/system'

/**
 * A host of an inventory as an entry of `hosts`: its URI of Ansible's variables, and its own settings of the variables
 * `vmwright_<field>` (`vmwright_image_cache` for `imageCache`) over those of the mapping `vmwright`.
 */
export function hostNode(name: string, place: Place, variables: HostVariables): MapNode {
  const { scope, placeOf } = variables
  const entries = new Map<string, Entry>()
  const add = (key: string, value: Value): void => {
    const node = nodeOf(key, value, variables)
    if (node !== undefined) entries.set(key, { key: placeOf(value.place), node })
  }
  entries.set('uri', { key: place, node: uriNode(name, place, variables) })
  const mapping = scope.get('vmwright')
  if (mapping?.kind === 'map') for (const [key, value] of mapping.entries) add(key, value)
  else if (mapping !== undefined) tell(variables, 'vmwright', mapping, 'must be a mapping')
  for (const variable of scope.names) {
    const value = variable.startsWith('vmwright_') ? scope.get(variable) : undefined
    if (value !== undefined) add(camelCase(variable.slice('vmwright_'.length)), value)
  }
  return { kind: 'map', place, entries }
}

const camelCase = (name: string): string =>
  name.replaceAll(/_([a-z0-9])/g, (_all, sign: string) => sign.toUpperCase())

function uriNode(name: string, place: Place, variables: HostVariables): Node {
  const host = textOf(connection.host, variables)
  const user = textOf(connection.user, variables)
  const port = textOf(connection.port, variables)
  const key = textOf(connection.key, variables)
  const at = [host, user, port, key].find((each) => each !== undefined)?.place ?? place
  const value =
    textOf(connection.how, variables)?.text === 'local'
      ? 'qemu:///system'
      : uriOf(variables.pattern ?? usualPattern, {
          name,
          host: host?.text ?? name,
          user: user?.text,
          port: port?.text,
          keyFile: key === undefined ? undefined : keyPath(key.text, key.place, variables.homeDirectory),
        })
  return { kind: 'scalar', value, place: at }
}

export interface UriParts {
  readonly name: string
  readonly host: string
  readonly user: string | undefined
  readonly port: string | undefined
  /** Absolute. */
  readonly keyFile: string | undefined
}

/** Fills a pattern; what is not known goes with the sign that joins it. A key file is for SSH alone. Pure. */
export function uriOf(pattern: string, { name, host, user, port, keyFile }: UriParts): string {
  const uri = pattern
    .replaceAll('{user}@', user === undefined ? '' : `${encodeURIComponent(user)}@`)
    .replaceAll(':{port}', port === undefined ? '' : `:${port}`)
    .replaceAll('{user}', encodeURIComponent(user ?? ''))
    .replaceAll('{port}', port ?? '')
    .replaceAll('{host}', host.includes(':') && !host.startsWith('[') ? `[${host}]` : host)
    .replaceAll('{name}', name)
  if (keyFile === undefined || !uri.includes('+ssh://') || /[?&]keyfile=/.test(uri)) return uri
  const value = encodeURIComponent(keyFile).replaceAll('%2F', '/')
  return `${uri}${uri.includes('?') ? '&' : '?'}keyfile=${value}`
}

/** As a shell would see it in the folder of the inventory. */
const keyPath = (path: string, { source: { file, folder } }: Place, home: string): string => {
  const shown = file.includes('/') ? file.slice(0, file.lastIndexOf('/')) : '.'
  return resolvePath(shown.startsWith('/') ? shown : normalisePath(`${folder}/${shown}`), path, home)
}

function textOf(
  names: readonly string[],
  variables: HostVariables,
): { readonly text: string; readonly place: Place } | undefined {
  for (const name of names) {
    const value = variables.scope.get(name)
    if (value === undefined || (value.kind === 'scalar' && (value.value === null || value.value === '')))
      continue
    if (value.kind === 'scalar') return { text: String(value.value), place: variables.placeOf(value.place) }
    tell(variables, name, value, 'must be a text')
    return undefined
  }
  return undefined
}

/** `undefined`: it has been told why not. */
function nodeOf(name: string, value: Value, variables: HostVariables): Node | undefined {
  const place = variables.placeOf(value.place)
  switch (value.kind) {
    case 'scalar':
      return { kind: 'scalar', value: value.value, place }
    case 'list': {
      const items = value.items.map((item) => nodeOf(name, item, variables))
      return { kind: 'list', items: items.filter((item) => item !== undefined), place }
    }
    case 'map': {
      const entries = [...value.entries].flatMap(([key, inner]) => {
        const node = nodeOf(key, inner, variables)
        return node === undefined ? [] : [[key, { key: variables.placeOf(inner.place), node }] as const]
      })
      return { kind: 'map', entries: new Map(entries), place }
    }
    default:
      tell(variables, name, value, '')
      return undefined
  }
}

/** Never the value itself. */
function tell({ problems, placeOf }: HostVariables, name: string, value: Value, expected: string): void {
  const message =
    value.kind === 'vault'
      ? 'is encrypted by ansible-vault, so not read'
      : value.kind === 'secret'
        ? 'is a secret in clear, which is not taken over'
        : value.kind === 'question'
          ? `cannot be resolved: ${value.why}`
          : value.kind === 'env' || value.kind === 'file'
            ? 'is looked up elsewhere, so not read'
            : expected
  const hint = `Write it under \`hosts\` in the spec.`
  problems.push(problemAt(placeOf(value.place), { message: `\`${name}\` ${message}`, hint }))
}
