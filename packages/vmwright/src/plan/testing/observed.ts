import type { ObservedHost, ObservedPool, ObservedVm, VmMark } from '../../hypervisor/contract.ts'

/** What hosts tell, for tests of the planner. */
export const host = (name: string, more: Partial<ObservedHost> = {}): ObservedHost => ({
  host: name,
  cpus: 16,
  memoryMib: 16_384,
  freeMemoryMib: 16_384,
  networks: [
    {
      name: 'default',
      active: true,
      autostart: true,
      mark: undefined,
      bridge: undefined,
      subnets: [],
      hasDhcp: true,
      definition: undefined,
      running: undefined,
      leases: [],
    },
  ],
  pools: [],
  vms: [],
  ...more,
})

export const mark = (name: string, stage: VmMark['stage'] = 'provisioned', project = 'lab'): VmMark => ({
  project,
  instance: name,
  stage,
  image: { kind: 'image', id: 'debian-12', digest: '' },
  volumes: [],
  seed: { instanceId: '', digest: '', sealed: true },
  hostKeys: [],
  user: 'debian',
})

export const vm = (name: string, more: Partial<ObservedVm> = {}): ObservedVm => ({
  name,
  id: name,
  state: 'running',
  mark: mark(name),
  vcpus: 1,
  singleSocket: true,
  memoryMib: 1024,
  machine: 'q35',
  firmware: 'uefi',
  secureBoot: false,
  autostart: false,
  interfaces: [],
  detached: [],
  disks: [],
  snapshots: [],
  ...more,
})

/** The pool of instances with one volume. */
export function poolWith(name: string): ObservedPool {
  const volume = { name, path: `/p/${name}`, capacityBytes: 1, allocationBytes: 1, format: 'qcow2' }
  return {
    name: 'vmwright-instances',
    path: '/p',
    active: true,
    isOurs: true,
    freeBytes: 1,
    volumes: [{ ...volume, backingPath: undefined }],
  }
}
