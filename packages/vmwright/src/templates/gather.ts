import type { Hypervisor, ObservedVm } from '../hypervisor/contract.ts'
import type { HostFile } from '../hypervisor/host-files.ts'
import { canonicalJson, sha256Hex } from '../lib/hash.ts'
import type { Progress } from '../lib/progress.ts'
import type { CloningSpec, HostSpec, TemplateSpec } from '../spec/resolved.ts'
import type { TemplateFacts } from './facts.ts'
import { contentIdentity, isQuicklySame } from './identity.ts'
import type { TemplateRecord, TemplateRecords } from './records.ts'

export interface GatherRequest {
  readonly host: HostSpec
  /** All machines of the host. */
  readonly vms: readonly ObservedVm[]
  /** All of the spec: an earlier run may have left any of them off. */
  readonly templates: readonly TemplateSpec[]
  /** Ids of those whose files are looked at. */
  readonly used: ReadonlySet<string>
  readonly cloning: CloningSpec
  readonly records: TemplateRecords
  /** Ids of those whose whole content is to be hashed unless they were validated as they are. */
  readonly toHash: ReadonlySet<string>
}

/**
 * Looks at the disk files of templates: at all of a host in one round trip, and in a second one at those whose whole
 * content is asked for. Where no command can be run on the
 * host, no file is known. No mutation.
 */
export async function gatherTemplates(
  progress: Progress,
  host: Hypervisor,
  request: GatherRequest,
): Promise<ReadonlyMap<string, TemplateFacts>> {
  const { templates, records } = request
  if (templates.length === 0) return new Map()
  const known = await Promise.all(
    templates.map(async (template) => ({
      template,
      domain: request.vms.find((vm) => vm.name === template.domain),
      record: await records.read(request.host.uri, template.domain),
    })),
  )
  const paths = [
    ...new Set(
      known.flatMap(({ template, domain }) =>
        request.used.has(template.id) ? pathsOf(template, domain) : [],
      ),
    ),
  ]
  const hasShell = host.can.noShell === undefined
  const files = hasShell && paths.length > 0 ? await inspect(progress, host, paths, 'quickly') : noFiles
  const quick = known.map((each) => {
    const identity = identityOf(each.domain, files)
    return { ...each, identity, earlier: earlierIdentity(each.record, identity, request, each.template) }
  })
  const toHash = quick.filter(
    ({ template, identity, earlier }) =>
      request.toHash.has(template.id) && identity !== undefined && earlier === undefined,
  )
  const hashed =
    toHash.length === 0
      ? noFiles
      : await inspect(
          progress,
          host,
          [...new Set(toHash.flatMap(({ domain }) => diskPaths(domain)))],
          'in full',
        )
  return new Map(
    quick.map(({ template, domain, record, identity, earlier }): readonly [string, TemplateFacts] => [
      template.id,
      {
        files: new Map(pathsOf(template, domain).flatMap((path) => entryOf(files, path))),
        identity: earlier ?? identityOf(domain, hashed) ?? identity,
        validated: earlier === undefined ? 'now' : 'earlier',
        restartDue: record?.restartDue === true,
      },
    ]),
  )
}

/** What the spec demands of a template, in so far as its validation depends on it. */
export const demandsOn = (template: TemplateSpec, host: HostSpec): string =>
  sha256Hex(canonicalJson({ disks: template.disks, runtimeUser: host.runtimeUser, clone: template.clone }))

/** The content identity of the machine's disks as they are now; `undefined` when one cannot be read. */
export async function readIdentity(
  progress: Progress,
  host: Hypervisor,
  paths: readonly string[],
  how: 'quickly' | 'in full',
): Promise<string | undefined> {
  const files = await inspect(progress, host, paths, how)
  return identityOfPaths(paths, files)
}

type Files = ReadonlyMap<string, HostFile>
const noFiles: Files = new Map()

async function inspect(
  progress: Progress,
  host: Hypervisor,
  paths: readonly string[],
  how: 'quickly' | 'in full',
): Promise<Files> {
  const found = await host.files.inspect(progress, paths, { sha256: how === 'in full' })
  return new Map(found.map((file) => [file.path, file]))
}

const diskPaths = (domain: ObservedVm | undefined): readonly string[] =>
  (domain?.disks ?? []).flatMap(({ kind, path }) => (kind === 'disk' && path !== undefined ? [path] : []))

const pathsOf = (template: TemplateSpec, domain: ObservedVm | undefined): readonly string[] => [
  ...new Set([...diskPaths(domain), ...(template.disks ?? [])]),
]

const entryOf = (files: Files, path: string): readonly (readonly [string, HostFile])[] => {
  const file = files.get(path)
  return file === undefined ? [] : [[path, file]]
}

const identityOf = (domain: ObservedVm | undefined, files: Files): string | undefined =>
  domain === undefined ? undefined : identityOfPaths(diskPaths(domain), files)

function identityOfPaths(paths: readonly string[], files: Files): string | undefined {
  const found = paths.flatMap((path) => files.get(path) ?? [])
  const isWhole = found.length === paths.length && found.every(({ kind }) => kind === 'file')
  return isWhole && paths.length > 0 ? contentIdentity(found) : undefined
}

/** The identity under which the template was validated, if it is still that and as much is demanded now. */
function earlierIdentity(
  record: TemplateRecord | undefined,
  identity: string | undefined,
  { cloning, host }: GatherRequest,
  template: TemplateSpec,
): string | undefined {
  const validated = record?.validated[demandsOn(template, host)]
  if (cloning.validate !== 'once' || validated === undefined || identity === undefined) return undefined
  if (cloning.fullHash && !validated.includes('+')) return undefined
  return isQuicklySame(validated, identity) ? validated : undefined
}
