import { systemFolder } from '../spec/hosts.ts'
import type { HostSpec, ResolvedSpec } from '../spec/resolved.ts'
import { noBudget } from '../spec/resolved-lifecycle.ts'
import { noPreparation } from '../spec/resolved-places.ts'

/** A spec of one host and nothing else, for commands about hosts that nobody has written a spec for. Throws `TypeError` for what is no URI. Pure. */
export function specOfHost(uri: string): ResolvedSpec {
  const host: HostSpec = {
    name: new URL(uri).hostname || 'local',
    uri,
    acceleration: 'prefer-kvm',
    parallel: 1,
    imageCachePath: `${systemFolder}/cache`,
    startInactiveNetworks: false,
    runtimeUser: undefined,
    repairAccess: false,
    login: undefined,
    guest: undefined,
    preparation: noPreparation,
  }
  return {
    project: 'host',
    file: '',
    hosts: [host],
    images: [],
    templates: [],
    cloning: {
      mode: 'auto',
      parallel: 1,
      workspace: undefined,
      emptyWorkspace: false,
      validate: 'always',
      fullHash: false,
    },
    networks: [],
    pools: [],
    instances: [],
    imagePolicy: {
      refresh: { kind: 'never' },
      verifyCached: true,
      repair: false,
      allowNocloud: false,
    },
    budget: noBudget,
  }
}
