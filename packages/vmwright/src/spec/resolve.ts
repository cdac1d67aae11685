import type { SpecDocument } from '@vmwright/contract'
import { catalogue } from './catalogue.ts'
import { type Choice, choiceOf } from './choice.ts'
import { expandGroups } from './groups.ts'
import { resolveImages } from './images.ts'
import { resolveInstance } from './instance.ts'
import type { Problem } from './problem.ts'
import { Report, type Trees } from './report.ts'
import type { ResolvedSpec } from './resolved.ts'
import { resolveHosts, resolveImagePolicy, resolveNetworks, resolvePools } from './settings.ts'
import { checkAddresses, checkNames } from './unique.ts'

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
  const members = expandGroups(document, report)
  checkNames(members, report)

  const imagePolicy = resolveImagePolicy(document.imagePolicy)
  const hosts = resolveHosts(document, dataFolder)
  const networks = resolveNetworks(document)
  const pools = resolvePools(document, hosts, dataFolder, report)
  const used = new Set(members.flatMap(({ settings }) => settings.image ?? []))
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
    project: document.project,
    networks: document.networks ?? {},
    imageDocuments: document.images ?? {},
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
    images: {
      ...known('image', 'images', [...images.map(({ id }) => id), ...catalogue.keys()]),
      only: undefined,
    },
  }
  const instances = members.map((member) => resolveInstance(member, context))
  checkAddresses(instances, members, networks, report)
  return {
    spec: {
      project: document.project,
      file,
      hosts,
      images,
      templates: [],
      cloning: defaultCloning,
      networks,
      pools,
      instances,
      imagePolicy,
    },
    problems,
  }
}

const defaultCloning = {
  mode: 'auto',
  parallel: 4,
  workspace: undefined,
  emptyWorkspace: true,
  validate: 'always',
  fullHash: false,
} as const
