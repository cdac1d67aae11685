import type { SpecDocument } from '@vmwright/contract'
import { normalisePath } from './path.ts'
import type { Report } from './report.ts'
import type { CloningSpec, HostSpec, TemplateSpec } from './resolved.ts'
import type { PoolSpec } from './resolved-places.ts'

export interface Folders {
  readonly hosts: readonly HostSpec[]
  readonly pools: readonly PoolSpec[]
  readonly templates: readonly TemplateSpec[]
}

/** How clones are made (T1, T2, T8). The folders of pools that are only named (`use`) are compared when they are known. */
export function resolveCloning(document: SpecDocument, folders: Folders, report: Report): CloningSpec {
  const cloning = document.cloning ?? {}
  const workspace = cloning.workspace === undefined ? undefined : normalisePath(cloning.workspace)
  if (workspace !== undefined) checkWorkspace(workspace, folders, report)
  return {
    mode: cloning.mode ?? 'auto',
    parallel: cloning.parallel ?? 4,
    workspace,
    emptyWorkspace: cloning.emptyWorkspace ?? true,
    validate: cloning.validate ?? 'always',
    fullHash: cloning.fullHash ?? false,
  }
}

/** T2. What is in the workspace is removed after a run, so nothing that must stay may be in it, nor it in a pool. */
function checkWorkspace(workspace: string, { hosts, pools, templates }: Folders, report: Report): void {
  const kept = [
    ...pools.flatMap((pool) =>
      pool.kind === 'path' ? [{ what: `the pool \`${pool.id}\``, path: normalisePath(pool.path) }] : [],
    ),
    ...hosts.map(({ name, imageCachePath }) => ({
      what: `the image cache of the host \`${name}\``,
      path: normalisePath(imageCachePath),
    })),
  ]
  const overlap = kept.find(({ path }) => isWithin(path, workspace) || isWithin(workspace, path))
  if (overlap !== undefined) {
    const how =
      overlap.path === workspace ? 'is' : isWithin(workspace, overlap.path) ? 'lies in' : 'has in it'
    report.at(
      ['cloning', 'workspace'],
      `${how} the folder of ${overlap.what}${overlap.path === workspace ? '' : ` (${overlap.path})`}`,
      'Give it a folder of its own, because it is emptied.',
    )
  }
  for (const { id, disks } of templates) {
    for (const [index, disk] of (disks ?? []).entries()) {
      if (isWithin(disk, workspace))
        report.at(
          ['templates', id, 'disks', index],
          'lies in the workspace of `cloning`, which is emptied',
          'Give the workspace another folder.',
        )
    }
  }
}

const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder === '/' ? folder : `${folder}/`)
