import type { SpecDocument } from '@vmwright/contract'
import { resolveBudget } from './budget.ts'
import { catalogued, catalogueKeys } from './catalogue.ts'
import { type Choice, choiceOf } from './choice.ts'
import { resolveCloning } from './cloning.ts'
import { expandGroups } from './groups.ts'
import { checkHostKinds } from './host-kinds.ts'
import { resolveHosts } from './hosts.ts'
import { resolveImages } from './images.ts'
import { resolveInstance } from './instance.ts'
import { checkApart } from './placement.ts'
import { expandMatrix } from './matrix.ts'
import { checkJumps, checkNested } from './nested.ts'
import type { Problem } from './problem.ts'
import { Report, type Trees } from './report.ts'
import type { ResolvedSpec } from './resolved.ts'
import { resolveNetworks } from './networks.ts'
import { checkNetworks } from './network-unique.ts'
import { resolvePools } from './pools.ts'
import { resolveImagePolicy } from './image-policy.ts'
import { pickSource } from './source.ts'
import { resolveTemplates } from './templates.ts'
import { checkAddresses, checkNames, checkTemplateNames } from './unique.ts'

export interface ResolveInput {
  readonly document: SpecDocument
  readonly trees: Trees
  readonly file: string
  readonly homeDirectory: string
  readonly dataFolder: string
  readonly files: ReadonlyMap<string, string>
  readonly installedKeyrings: ReadonlySet<string>
}

/** Expands, merges and checks a document of right structure. The spec is of use only when there is no error. */
export function resolveSpec(input: ResolveInput): {
  readonly spec: ResolvedSpec
  readonly problems: readonly Problem[]
} {
  const { document, file, homeDirectory, dataFolder, files } = input
  const problems: Problem[] = []
  const report = new Report(input.trees, problems)
  const members = [...expandGroups(document, report), ...expandMatrix(document, report)]
  checkNames(members, report)

  const imagePolicy = resolveImagePolicy(document.imagePolicy)
  const hosts = resolveHosts(document, { report, homeDirectory, dataFolder })
  const networks = resolveNetworks(document, report)
  const pools = resolvePools(document, hosts, dataFolder, report)
  const templates = resolveTemplates(document, report)
  const cloning = resolveCloning(document, { hosts, pools, templates }, report)
  const imageKeys = [...new Set([...Object.keys(document.images ?? {}), ...catalogueKeys])]
  const sources = members.map((member) =>
    pickSource(member, { templates, imageKeys, images: document.images ?? {}, report }),
  )
  const used = new Set(sources.flatMap((source) => (source.kind === 'image' ? source.id : [])))
  const images = resolveImages(document, used, {
    report,
    homeDirectory,
    allowNocloud: imagePolicy.allowNocloud,
    installedKeyrings: input.installedKeyrings,
  })

  const known = (kind: Choice['kind'], key: string, ids: readonly string[]): Choice =>
    choiceOf(kind, ids, report.keys([key]))
  const context = {
    report,
    homeDirectory,
    files,
    resultsFolder: `${input.trees.written.place.source.folder}/results`,
    names: members.map(({ name }) => name),
    project: document.project,
    networks: document.networks ?? {},
    resolvedNetworks: new Map(networks.map((network) => [network.id, network])),
    defaults: document.defaults ?? {},
    imageDocuments: document.images ?? {},
    resolvedHosts: new Map(hosts.map((host) => [host.name, host])),
    resolvedImages: new Map(images.map((image) => [image.id, image])),
    choice: known(
      'network',
      'networks',
      networks.map(({ id }) => id),
    ),
    hosts: known(
      'host',
      'hosts',
      hosts.map(({ name }) => name),
    ),
    pools: known(
      'pool',
      'pools',
      pools.map(({ id }) => id),
    ),
    // With the architecture's own images, which only `imageFor` names.
    images: known('image', 'images', [
      ...imageKeys,
      ...[...used].filter((id) => catalogued(id, undefined) !== undefined),
    ]),
  }
  const instances = members.map((member, index) =>
    resolveInstance(member, sources[index] ?? { kind: 'unclear' }, context),
  )
  checkAddresses(instances, members, networks, report)
  checkApart(instances, members, report)
  checkHostKinds(instances, { hosts, networks, pools }, report)
  checkNested(hosts, instances, report)
  checkJumps(instances, members, report)
  checkNetworks(networks, instances, report)
  checkTemplateNames(instances, members, templates, report)
  return {
    spec: {
      project: document.project,
      file,
      hosts,
      images,
      templates,
      cloning,
      networks,
      pools,
      instances,
      imagePolicy,
      budget: resolveBudget(document.budget),
    },
    problems,
  }
}
