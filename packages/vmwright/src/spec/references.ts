import type { CustomiseDocument, InstanceDocument, SpecDocument } from '@vmwright/contract'
import { entryAt, type Node, type Path } from './node.ts'
import { resolvePath } from './path.ts'

/** Absolute paths of the local files whose text becomes part of the spec: public keys, certificates and contents of files. */
export function filesNamed(document: SpecDocument, root: Node, homeDirectory: string): ReadonlySet<string> {
  const paths = new Set<string>()
  const add = (path: string, at: Path): void => {
    const folder = entryAt(root, at)?.node.place.source.folder
    if (folder !== undefined) paths.add(resolvePath(folder, path, homeDirectory))
  }
  const collectCustomise = (customise: CustomiseDocument | undefined, at: Path): void => {
    for (const [index, key] of (customise?.rootKeys ?? []).entries())
      if (typeof key === 'object') add(key.file, [...at, 'customise', 'rootKeys', index])
    for (const [index, file] of (customise?.certificates ?? []).entries())
      add(file, [...at, 'customise', 'certificates', index])
  }
  const collect = ({ cloudInit, customise }: InstanceDocument, at: Path): void => {
    collectCustomise(customise, at)
    for (const [index, key] of (cloudInit?.user?.sshKeys ?? []).entries()) {
      if (typeof key === 'object') add(key.file, [...at, 'cloudInit', 'user', 'sshKeys', index])
    }
    for (const [index, { content }] of (cloudInit?.writeFiles ?? []).entries()) {
      if (typeof content === 'object') add(content.file, [...at, 'cloudInit', 'writeFiles', index])
    }
  }
  for (const [id, { customise }] of Object.entries(document.images ?? {}))
    collectCustomise(customise, ['images', id])
  collect(document.defaults ?? {}, ['defaults'])
  for (const [key, group] of Object.entries(document.instances ?? {})) {
    collect(group, ['instances', key])
    for (const [name, override] of Object.entries(group.overrides ?? {}))
      collect(override, ['instances', key, 'overrides', name])
  }
  const { platforms = {}, targets = {}, list = [] } = document.matrix ?? {}
  for (const [name, settings] of Object.entries(platforms)) collect(settings, ['matrix', 'platforms', name])
  for (const [name, settings] of Object.entries(targets)) collect(settings, ['matrix', 'targets', name])
  for (const [index, entry] of list.entries()) collect(entry, ['matrix', 'list', index])
  return paths
}
