import type { Mount } from './facts.ts'

/** The mount that a path without symbolic links is on: the one with the longest way in common, the last of several. */
export function mountOf(mounts: readonly Mount[], path: string): Mount {
  let best: Mount = { at: '/', type: 'unknown', options: [] }
  for (const mount of mounts) {
    const prefix = mount.at.endsWith('/') ? mount.at : `${mount.at}/`
    if ((path === mount.at || path.startsWith(prefix)) && mount.at.length >= best.at.length) best = mount
  }
  return best
}
