import { SourceFault } from './fault.ts'
import { isYamlInventory, yamlInventory } from './inventory.ts'
import { looksLikeIni, readIni } from './read-ini.ts'
import { readYaml } from './read-yaml.ts'
import type { FileRole, SourceFile } from './source.ts'

/** Reads one file. Throws `SourceFault`. */
export function readOne(name: string, bytes: Uint8Array): SourceFile {
  const text = decode(name, bytes)
  if (text.startsWith('$ANSIBLE_VAULT;')) {
    const why = 'is encrypted by ansible-vault as a whole, so not read: decrypt a copy without its secrets'
    return { name, role: { kind: 'nothing', why }, root: undefined }
  }
  const isYaml = /\.(ya?ml|json)$/.test(name)
  const vars = varsRole(name)
  if (!isYaml && vars === undefined && (name.endsWith('.ini') || looksLikeIni(text)))
    return { name, role: { kind: 'inventory', inventory: readIni(name, text) }, root: undefined }
  const root = readYaml(name, text)
  if (root === undefined) return { name, role: { kind: 'nothing', why: 'is empty' }, root }
  if (root.kind === 'list') return { name, role: { kind: 'list' }, root }
  if (root.kind !== 'map') {
    if (isYaml || vars !== undefined) throw new SourceFault(root.place, 'is neither a mapping nor a list')
    return { name, role: { kind: 'inventory', inventory: readIni(name, text) }, root: undefined }
  }
  if (vars !== undefined) return { name, role: vars, root }
  if (isYamlInventory(root))
    return { name, role: { kind: 'inventory', inventory: yamlInventory(root) }, root }
  return { name, role: { kind: 'vars' }, root }
}

/** `host_vars/rack1.yml`, `group_vars/vmhost/main.yml` */
function varsRole(name: string): FileRole | undefined {
  const match = /(?:^|\/)(host_vars|group_vars)\/([^/]+)/.exec(name)
  if (match === null) return undefined
  const owner = (match[2] ?? '').replace(/\.(ya?ml|json)$/, '')
  return match[1] === 'host_vars' ? { kind: 'host-vars', host: owner } : { kind: 'group-vars', group: owner }
}

function decode(name: string, bytes: Uint8Array): string {
  if (bytes.includes(0))
    throw new SourceFault({ file: name, line: 1 }, 'has a NUL byte', 'Is it a text file?')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new SourceFault({ file: name, line: 1 }, 'is not valid UTF-8', 'Save it as UTF-8.')
  }
}
