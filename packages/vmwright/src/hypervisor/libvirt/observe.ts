import { calls, errorCode, type Domain, type StoragePool, type StorageVolume } from '@vmwright/libvirt'
import type { Progress } from '../../lib/progress.ts'
import type { ObservedHost, ObservedPool, ObservedVm, ObservedVolume, VmState } from '../contract.ts'
import { isPartial } from './clone-script.ts'
import { parseDomain } from './domain-read.ts'
import { observeNetworks, withDetached } from './networks/observe.ts'
import { isOurPool, parsePoolPath } from './pool-xml.ts'
import { libvirtCodeOf, mapParallel, type Session } from './session.ts'
import { stateOf } from './state.ts'
import { parseVolume } from './volume-xml.ts'

/** Filters of `virConnectListAllDomains` (libvirt-domain.h). One list each replaces a call for every domain. */
const domainFilter = { running: 16, paused: 32, shutOff: 64, other: 128, autostart: 1024, hasSnapshot: 4096 }
/** `VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE` */
const activeOnly = 2
/** `VIR_DOMAIN_XML_INACTIVE`: as defined for the next start. */
const inactiveXml = 2

/** libvirt's drivers differ in what they implement (its test driver above all); what is missing is empty. */
const notImplemented = [errorCode.noSupport, errorCode.operationUnsupported, errorCode.configUnsupported]

/** Reads the host, and the volumes of these pools (of all). Objects that vanish between two calls are left out. */
export async function observeHost(
  session: Session,
  progress: Progress,
  withVolumes?: ReadonlySet<string>,
): Promise<ObservedHost> {
  const reading = { object: session.host, doing: 'read the host' }
  const [node, freeBytes, networks, pools, vms] = await Promise.all([
    session.call(progress, calls.nodeGetInfo, {}, reading),
    freeMemory(session, progress),
    observeNetworks(session, progress),
    observePools(session, progress, withVolumes),
    observeVms(session, progress),
  ])
  const memoryMib = Math.floor(Number(node.memory) / 1024)
  return {
    host: session.host,
    cpus: node.cpus,
    memoryMib,
    freeMemoryMib: freeBytes === undefined ? memoryMib : Math.floor(freeBytes / 1024 ** 2),
    networks: networks.map(({ observed }) => observed),
    pools,
    vms: await withDetached(session, progress, vms, networks),
  }
}

/** Memory that guests may take: free, or used by the host only to remember files. Bytes; `undefined` when not told. */
async function freeMemory(session: Session, progress: Progress): Promise<number | undefined> {
  const purpose = { object: session.host, doing: 'read the free memory' }
  const args = { maxStats: 4, cell: -1 }
  const absent = [...notImplemented, errorCode.invalidArgument]
  const told = await session.callUnless(progress, calls.nodeGetMemoryStats, args, { ...purpose, absent })
  const available = ['free', 'buffers', 'cached']
  const stats = told?.stats.filter(({ field }) => available.includes(field))
  return stats?.reduce((sum, { value }) => sum + Number(value) * 1024, 0)
}

async function observeVms(session: Session, progress: Progress): Promise<readonly ObservedVm[]> {
  const list = async (flags: number): Promise<readonly Domain[]> => {
    const purpose = { object: session.host, doing: 'list the machines' }
    return (await session.call(progress, calls.connectListAllDomains, { needResults: 1, flags }, purpose))
      .domains
  }
  const [all, running, paused, shutOff, autostart, withSnapshots] = await Promise.all([
    list(0),
    list(domainFilter.running).then(ids),
    list(domainFilter.paused).then(ids),
    list(domainFilter.shutOff).then(ids),
    list(domainFilter.autostart).then(ids),
    list(domainFilter.hasSnapshot).then(ids),
  ])
  const stateByList = (id: string): VmState | undefined => {
    if (running.has(id)) return 'running'
    if (paused.has(id)) return 'paused'
    return shutOff.has(id) ? 'stopped' : undefined
  }
  const vms = await mapParallel(all, async (domain): Promise<ObservedVm | undefined> => {
    const purpose = { object: domain.name, doing: `read machine ${domain.name}` }
    const gone = { ...purpose, absent: [errorCode.noDomain] }
    const xml = await session.callUnless(
      progress,
      calls.domainGetXmlDesc,
      { domain, flags: inactiveXml },
      gone,
    )
    if (xml === undefined) return undefined
    return {
      ...parseDomain(xml.xml),
      state: stateByList(domain.uuid) ?? (await readState(session, progress, domain)),
      autostart: autostart.has(domain.uuid),
      detached: [],
      snapshots: withSnapshots.has(domain.uuid) ? await snapshotNames(session, progress, domain) : [],
    }
  })
  return vms.filter((vm) => vm !== undefined).toSorted(byName)
}

/** The state now; `unknown` when the machine is gone. */
export async function readState(session: Session, progress: Progress, domain: Domain): Promise<VmState> {
  const purpose = { object: domain.name, doing: `read the state of machine ${domain.name}` }
  const state = await session.callUnless(
    progress,
    calls.domainGetState,
    { domain },
    {
      ...purpose,
      absent: [errorCode.noDomain],
    },
  )
  return state === undefined ? 'unknown' : stateOf(state.state, state.reason)
}

export async function snapshotNames(
  session: Session,
  progress: Progress,
  domain: Domain,
): Promise<readonly string[]> {
  const purpose = { object: domain.name, doing: `list the snapshots of machine ${domain.name}` }
  const listed = await session.callUnless(
    progress,
    calls.domainListAllSnapshots,
    { domain, needResults: 1 },
    {
      ...purpose,
      absent: [...notImplemented, errorCode.noDomain],
    },
  )
  return (listed?.snapshots ?? []).map(({ name }) => name).toSorted()
}

async function observePools(
  session: Session,
  progress: Progress,
  withVolumes: ReadonlySet<string> | undefined,
): Promise<readonly ObservedPool[]> {
  const list = async (flags: number): Promise<readonly StoragePool[]> => {
    const purpose = { object: session.host, doing: 'list the pools', absent: notImplemented }
    const args = { needResults: 1, flags }
    return (await session.callUnless(progress, calls.connectListAllStoragePools, args, purpose))?.pools ?? []
  }
  const [all, active] = await Promise.all([list(0), list(activeOnly).then(ids)])
  const pools = await mapParallel(all, (pool) =>
    observePool(session, progress, pool, {
      active: active.has(pool.uuid),
      withVolumes: withVolumes?.has(pool.name) ?? true,
    }),
  )
  return pools.filter((pool) => pool !== undefined).toSorted(byName)
}

async function observePool(
  session: Session,
  progress: Progress,
  pool: StoragePool,
  { active, withVolumes }: { readonly active: boolean; readonly withVolumes: boolean },
): Promise<ObservedPool | undefined> {
  const purpose = {
    object: pool.name,
    doing: `read pool ${pool.name}`,
    // The last: the pool was stopped after the list was made.
    absent: [errorCode.noStoragePool, ...notImplemented, errorCode.operationInvalid],
  }
  const [described, info, listed] = await Promise.all([
    session.callUnless(progress, calls.storagePoolGetXmlDesc, { pool }, purpose),
    session.callUnless(progress, calls.storagePoolGetInfo, { pool }, purpose),
    active && withVolumes
      ? session.callUnless(progress, calls.storagePoolListAllVolumes, { pool, needResults: 1 }, purpose)
      : undefined,
  ])
  if (described === undefined) return undefined
  const vols = (listed?.vols ?? []).filter(({ name }) => !isPartial(name))
  const volumes = await mapParallel(vols, (vol) => observeVolume(session, progress, vol))
  const path = parsePoolPath(described.xml)
  return {
    name: pool.name,
    path,
    active,
    isOurs: path !== undefined && isOurPool(pool.uuid, { name: pool.name, path }),
    freeBytes: Number(info?.available ?? 0),
    volumes: volumes.filter((volume) => volume !== undefined).toSorted(byName),
  }
}

/**
 * libvirt looks at the file when it describes the volume, and fails when the file is gone although its list of
 * the pool still has it: so whatever error it answers with, there is no volume to speak of.
 */
export async function observeVolume(
  session: Session,
  progress: Progress,
  vol: StorageVolume,
): Promise<ObservedVolume | undefined> {
  const purpose = { object: `${vol.pool}/${vol.name}`, doing: `read volume ${vol.name} in pool ${vol.pool}` }
  try {
    return parseVolume((await session.call(progress, calls.storageVolGetXmlDesc, { vol }, purpose)).xml)
  } catch (error) {
    if (libvirtCodeOf(error) !== undefined) return undefined
    throw error
  }
}

const ids = (handles: readonly { readonly uuid: string }[]): ReadonlySet<string> =>
  new Set(handles.map(({ uuid }) => uuid))

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : 1
