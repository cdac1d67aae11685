import { stringify } from 'yaml'
import type { AccessFiles, GuestLogin } from './access.ts'

export interface InventoryFiles extends AccessFiles {
  readonly project: string
}

/** What Ansible has to know of one guest. */
export type HostVariables = Readonly<Record<string, string | number | readonly string[]>>

/** What an inventory script prints for `--list`: groups by their names, besides `_meta`. */
export type InventoryList = Readonly<Record<string, object>> & {
  readonly _meta: { readonly hostvars: Readonly<Record<string, HostVariables>> }
}

/** An Ansible inventory in YAML, with the groups of `groupsOf`. Pure. */
export function renderAnsibleInventory(guests: readonly GuestLogin[], files: InventoryFiles): string {
  const variables = variablesOf(guests, files)
  const children = Object.entries(groupsOf(Object.keys(variables), guests, files)).map(([group, names]) => [
    group,
    { hosts: Object.fromEntries(names.map((name) => [name, null])) },
  ])
  return stringify(
    { all: { hosts: variables, children: Object.fromEntries(children) } },
    { lineWidth: 0, nullStr: '' },
  )
}

/**
 * The answer to `--list`, with the variables of all guests, so that Ansible does not ask for them one by one (Ansible's
 * developer guide, "Developing dynamic inventory": `_meta`). Pure.
 */
export function inventoryList(guests: readonly GuestLogin[], files: InventoryFiles): InventoryList {
  const hostvars = variablesOf(guests, files)
  const groups = groupsOf(Object.keys(hostvars), guests, files)
  return {
    _meta: { hostvars },
    all: { children: Object.keys(groups) },
    ...Object.fromEntries(Object.entries(groups).map(([group, hosts]) => [group, { hosts }])),
  }
}

/** By name; guests without an address are left out. */
function variablesOf(
  guests: readonly GuestLogin[],
  { knownHosts, project }: InventoryFiles,
): Readonly<Record<string, HostVariables>> {
  const entries = guests.flatMap((guest): readonly [string, HostVariables][] => {
    const [address] = guest.addresses
    if (address === undefined) return []
    const options = [
      `HostKeyAlias=${guest.name}`,
      `UserKnownHostsFile=${shellQuoted(knownHosts)}`,
      'StrictHostKeyChecking=yes',
    ]
    const identity =
      guest.identityFile === undefined ? {} : { ansible_ssh_private_key_file: guest.identityFile }
    const variables = {
      ansible_host: address,
      ansible_port: guest.port,
      ansible_user: guest.user,
      ...identity,
      ansible_ssh_common_args: options.map((option) => `-o ${option}`).join(' '),
      vmwright_project: project,
      vmwright_host: guest.host,
      vmwright_group: guest.group,
      vmwright_addresses: guest.addresses,
    }
    return [[guest.name, variables]]
  })
  return Object.fromEntries(entries)
}

/**
 * By group of the spec, by host and for the project. A group that has the name of a guest is left out: Ansible warns
 * about it, and takes the guest for the name anyway.
 */
function groupsOf(
  names: readonly string[],
  guests: readonly GuestLogin[],
  { project }: InventoryFiles,
): Readonly<Record<string, readonly string[]>> {
  const groups: Record<string, string[]> = {}
  for (const { name, group, host } of guests.filter((guest) => names.includes(guest.name))) {
    for (const wanted of [group, `host_${host}`, `project_${project}`]) {
      const key = identifier(wanted)
      if (!names.includes(key)) (groups[key] ??= []).push(name)
    }
  }
  return groups
}

/** Ansible splits these arguments like a shell; OpenSSH expands `%` afterwards. */
const shellQuoted = (path: string): string => {
  const value = path.replaceAll('%', '%%')
  return /^[\w./-]+$/.test(value) ? value : `'"${value.replaceAll("'", String.raw`'\''`)}"'`
}

/** Ansible warns about group names that are no identifiers. */
const identifier = (group: string): string => group.replace(/\W/g, '_').replace(/^(?=\d)/, '_')
