import { sha256Hex } from '../lib/hash.ts'
import type { LifecycleSpec } from '../spec/resolved-lifecycle.ts'
import type { LayerName } from './layers.ts'

/** The name of the clean layer, whatever the project and revision. */
export const cleanName = 'clean'

/**
 * G2. `clean`, or `<project>.<revision>.<layer>`. A revision that a snapshot's name cannot hold (libvirt makes it a
 * file name, QEMU keeps at most 255 bytes of it) is replaced by what can be kept of it and a digest of all of it.
 */
export const snapshotName = (project: string, revision: string, layer: LayerName): string =>
  layer === 'clean' ? cleanName : qualifiedName(project, revision, layer)

/** What the names of a project's layers begin with, and those of nobody else. */
export const ownPrefix = (project: string): string => `${namePart(project)}.`

/** The clean layer's name where `clean` is somebody else's. */
export const secondCleanName = (project: string, revision: string): string =>
  qualifiedName(project, revision, 'clean')

/** The revision that stands in names: the one given by hand, or `auto-` and 12 hex digits of the layer's key. */
export const revisionOf = (revision: LifecycleSpec['revision'], key: string): string =>
  revision.kind === 'fixed' ? revision.value : `auto-${key.slice(0, 12)}`

const longestPart = 80

const qualifiedName = (project: string, revision: string, layer: LayerName): string =>
  `${namePart(project)}.${namePart(revision)}.${layer}`

/** Letters, digits, `.`, `_`, `+` and `-` stay as they are; anything else would need quoting somewhere on its way. */
function namePart(text: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9._+-]*$/.test(text) && text.length <= longestPart) return text
  const kept = text.replaceAll(/[^A-Za-z0-9._+-]+/g, '-').replace(/^[^A-Za-z0-9_]+/, '')
  return `${kept.slice(0, longestPart - 13)}~${sha256Hex(text).slice(0, 12)}`
}
