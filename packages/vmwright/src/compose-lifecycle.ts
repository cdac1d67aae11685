import { parseUri } from '@vmwright/libvirt'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { composeServices, type Surroundings } from './compose.ts'
import type { LifecycleServices, NestedLogin } from './engine/lifecycle/services.ts'
import { renderKnownHosts } from './guest/access.ts'
import { connectorOf } from './guest/connector.ts'
import { directoriesOf } from './lib/directories.ts'
import { acquireExclusive } from './lib/exclusive.ts'
import type { Progress } from './lib/progress.ts'
import { findPhases } from './phases/find.ts'
import { collectInputs } from './phases/inputs.ts'
import { runPhase } from './phases/run.ts'
import { defaultKeep, openResults } from './results/results.ts'
import type { HostSpec, ResolvedSpec } from './spec/resolved.ts'

/** What runs of lifecycles are made of, on real hosts. `resultsFolder` is absolute. */
export function composeLifecycle(
  spec: ResolvedSpec,
  surroundings: Surroundings,
  { resultsFolder }: { readonly resultsFolder: string },
): LifecycleServices {
  const { data } = directoriesOf(surroundings.environment, surroundings.homeDirectory)
  const identityFile = join(data, 'id_ed25519')
  return {
    session: composeServices(spec, surroundings),
    connectorOf,
    findPhases,
    collectInputs,
    runPhase,
    openResults: (progress) =>
      openResults(progress, { folder: resultsFolder, project: spec.project, keep: defaultKeep }),
    identityFile,
    knownHosts: () =>
      readFile(join(surroundings.homeDirectory, '.ssh', 'known_hosts'), 'utf8').catch(() => ''),
    nestedHost: (progress, host, login) =>
      nestedHost(progress, host, login, {
        identityFile,
        knownHosts: join(data, 'known_hosts', `${spec.project}.${login.instance}`),
      }),
    hold: acquireExclusive,
  }
}

/** The host's URI with the guest's address, login and host keys, unless the spec says otherwise. */
async function nestedHost(
  progress: Progress,
  host: HostSpec,
  login: NestedLogin,
  files: { readonly identityFile: string; readonly knownHosts: string },
): Promise<HostSpec> {
  const text = renderKnownHosts([{ ...login, name: login.instance }])
  const effect = { kind: 'file.write', object: files.knownHosts, mutates: true }
  await progress.seam.effect(effect, async () => {
    await mkdir(dirname(files.knownHosts), { recursive: true })
    await writeFile(files.knownHosts, text, { mode: 0o600 })
  })
  return { ...host, uri: nestedUri(host.uri, login, files) }
}

/** Pure. */
export function nestedUri(
  declared: string,
  { user, addresses: [address = ''], port, outer }: Omit<NestedLogin, 'instance' | 'hostKeys'>,
  { identityFile, knownHosts }: { readonly identityFile: string; readonly knownHosts: string },
): string {
  const uri = new URL(declared)
  uri.hostname = address.includes(':') ? `[${address}]` : address
  if (uri.username === '') uri.username = user
  if (uri.port === '' && port !== 22) uri.port = String(port)
  if (!uri.searchParams.has('keyfile')) uri.searchParams.set('keyfile', identityFile)
  if (!uri.searchParams.has('known_hosts')) uri.searchParams.set('known_hosts', knownHosts)
  const jump = jumpTo(outer.uri)
  if (jump !== undefined && !uri.searchParams.has('jump')) uri.searchParams.set('jump', jump)
  return uri.href
}

/** A host that is reached by SSH is the way to its guests too; to one that is reached otherwise there is a route. */
function jumpTo(outer: string): string | undefined {
  const { route } = parseUri(outer)
  if (route.kind !== 'ssh') return undefined
  const { user, host, port, jump } = route
  const shown = host.includes(':') ? `[${host}]` : host
  const last = `${user === undefined ? '' : `${user}@`}${shown}${port === undefined ? '' : `:${port}`}`
  return jump === undefined ? last : `${jump},${last}`
}
