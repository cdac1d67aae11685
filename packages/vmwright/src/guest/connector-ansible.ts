import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import type { Secret } from '../lib/secret.ts'
import { singleQuoted } from '../lib/shell.ts'
import type { AnsibleAccess } from './connector.ts'
import { type SshTarget, keyBlob } from './ssh-client.ts'

/**
 * A guest for Ansible's SSH connection: its own `known_hosts` and, through jump hosts, an `ssh_config` of its own. A
 * password is in a file that Ansible looks up; it needs `sshpass` for it.
 */
export async function ansibleOverSsh(
  progress: Progress,
  folder: string,
  {
    name,
    target,
    jumps,
  }: { readonly name: string; readonly target: SshTarget; readonly jumps: readonly SshTarget[] },
): Promise<AnsibleAccess> {
  const files: string[] = []
  const write = async (file: string, content: string): Promise<string> => {
    const path = join(folder, file)
    await progress.seam.effect({ kind: 'file.write', object: path, mutates: true }, async () => {
      await writeFile(path, content, { mode: 0o600 })
      // A file that was there keeps its mode otherwise.
      await chmod(path, 0o600)
    })
    files.push(path)
    return path
  }
  const keyFile = async (file: string, of: SshTarget): Promise<string | undefined> =>
    of.identityFile ?? (of.privateKey === undefined ? undefined : await write(file, ownLine(of.privateKey)))

  const knownHosts = await write(`${name}.known_hosts`, [target, ...jumps].map(knownHostLines).join(''))
  const identity = await keyFile(`${name}.key`, target)
  const password =
    target.password === undefined ? undefined : await write(`${name}.password`, target.password.reveal())
  const hops = await Promise.all(
    jumps.map(async (jump, index) => {
      if (jump.password !== undefined && jump.privateKey === undefined && jump.agentSocket === undefined)
        throw noPasswordHop(name, jump)
      return { ...jump, alias: alias(index), key: await keyFile(`${name}.jump-${index + 1}.key`, jump) }
    }),
  )
  const configPath = join(folder, `${name}.ssh_config`)
  const config =
    hops.length === 0
      ? undefined
      : await write(`${name}.ssh_config`, jumpConfig(configPath, { hops, knownHosts, target }))
  const lookUp = `{{ lookup('ansible.builtin.file', ${JSON.stringify(password)}, rstrip=false) }}`
  const inventory = {
    ansible_connection: 'ssh',
    ansible_host: target.address,
    ansible_port: target.port,
    ansible_user: target.user,
    ...(identity === undefined ? {} : { ansible_ssh_private_key_file: identity }),
    ...(password === undefined ? {} : { ansible_password: lookUp, ansible_become_password: lookUp }),
    ansible_ssh_common_args: [
      ...(config === undefined ? [] : [`-F ${singleQuoted(config)}`]),
      `-o UserKnownHostsFile=${word(knownHosts)}`,
      '-o GlobalKnownHostsFile=/dev/null',
      '-o StrictHostKeyChecking=yes',
      ...(identity === undefined ? [] : ['-o IdentitiesOnly=yes']),
    ].join(' '),
  }
  return { inventory, files }
}

/** A guest for Ansible through the agent: the plug-in of the collection community.libvirt. */
export function ansibleOverAgent(name: string, libvirtUri: string | undefined): AnsibleAccess {
  if (libvirtUri === undefined)
    throw new ProvisionError('guest.connection-unsupported', {
      message: `Ansible cannot work on ${name} through its guest agent: its host is no libvirt host.`,
      hint: 'Use `connection.kind: ssh`, or phases of native steps.',
      details: { name },
    })
  const inventory = {
    ansible_connection: 'community.libvirt.libvirt_qemu',
    ansible_host: name,
    ansible_libvirt_uri: libvirtUri,
  }
  return { inventory, files: [] }
}

/** What has to be on this machine for `ansibleOverAgent`. */
export const agentPluginNeeds =
  'the collection community.libvirt (ansible-galaxy collection install community.libvirt) and python3-libvirt'

const alias = (index: number): string => `vmwright-jump-${index + 1}`

interface Jumps {
  readonly hops: readonly (SshTarget & { readonly alias: string; readonly key: string | undefined })[]
  readonly knownHosts: string
  readonly target: SshTarget
}

/**
 * The hops, each reached through the one before, and the guest through the last. `ProxyJump` would do, were it not for
 * ssh, which hands the path of this file to a shell without quotes.
 */
function jumpConfig(path: string, { hops, knownHosts, target }: Jumps): string {
  const through = (index: number): readonly string[] =>
    index < 0
      ? []
      : [`  ProxyCommand ssh -F ${singleQuoted(path).replaceAll('%', '%%')} -W [%h]:%p ${alias(index)}`]
  const entries = hops.map((hop, index) => [
    `Host ${hop.alias}`,
    `  HostName ${hop.address}`,
    `  Port ${hop.port}`,
    `  User ${hop.user}`,
    `  UserKnownHostsFile ${quoted(knownHosts)}`,
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking yes',
    '  BatchMode yes',
    ...(hop.key === undefined ? [] : [`  IdentityFile ${quoted(hop.key)}`, '  IdentitiesOnly yes']),
    ...(hop.agentSocket === undefined ? [] : [`  IdentityAgent ${quoted(hop.agentSocket)}`]),
    ...through(index - 1),
  ])
  const last = [`Host ${target.address}`, ...through(hops.length - 1)]
  return [...entries, last].map((lines) => `${lines.join('\n')}\n`).join('\n')
}

const knownHostLines = ({ address, port, hostKeys }: SshTarget): string =>
  hostKeys
    .map((key) => {
      const host = port === 22 ? address : `[${address}]:${port}`
      return `${host} ${key.trim().split(/\s+/)[0]} ${keyBlob(key)}\n`
    })
    .join('')

/** OpenSSH takes no key file whose last line has no end. */
const ownLine = (key: Secret): string => `${key.reveal().trimEnd()}\n`

/** ssh_config(5): an argument with spaces stands in double quotes; `%` starts a token. */
const quoted = (path: string): string => `"${path.replaceAll('%', '%%').replaceAll('"', String.raw`\"`)}"`

/** Ansible splits these arguments like a shell; OpenSSH expands `%` afterwards. */
const word = (path: string): string => (/^[\w./-]+$/.test(path) ? path : singleQuoted(quoted(path)))

const noPasswordHop = (name: string, jump: SshTarget): ProvisionError =>
  new ProvisionError('guest.connection-unsupported', {
    message: `Ansible cannot reach ${name} through ${jump.address} with a password.`,
    hint: 'Give the jump host a key, or use phases of native steps.',
    details: { name, jump: jump.address },
  })
