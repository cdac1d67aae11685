import { defaultLifecycle, noBudget } from '../spec/resolved-lifecycle.ts'
import { type NetworkSpec, noPreparation, type OwnNetworkSpec } from '../spec/resolved-places.ts'
import { sha256Hex } from '../lib/hash.ts'
import type { HostSpec, ImageSpec, InstanceSpec, ResolvedSpec, TemplateSpec } from '../spec/resolved.ts'

/** Complete values for tests; each test overrides what it is about. */
export const hostSpec = (overrides: Partial<HostSpec> = {}): HostSpec => ({
  name: 'fake',
  uri: 'qemu:///system',
  acceleration: 'prefer-kvm',
  parallel: 4,
  imageCachePath: '/var/lib/libvirt/images/vmwright/cache',
  startInactiveNetworks: false,
  runtimeUser: undefined,
  repairAccess: false,
  login: undefined,
  guest: undefined,
  preparation: noPreparation,
  ...overrides,
})

export const imageSpec = (overrides: Partial<ImageSpec> = {}): ImageSpec => ({
  id: 'debian-12',
  sources: [{ kind: 'file', path: '/images/debian-12.qcow2', digest: undefined }],
  firmware: 'uefi',
  secureBoot: false,
  machine: 'q35',
  seedBus: 'scsi',
  user: 'debian',
  ...overrides,
})

export const templateSpec = (overrides: Partial<TemplateSpec> = {}): TemplateSpec => ({
  id: 'debian',
  domain: 'debian-template',
  disks: undefined,
  os: 'debian',
  identity: 'offline',
  network: 'ifupdown',
  interfaces: ['enp1s0'],
  renderer: 'networkd',
  whenRunning: 'refuse',
  restart: false,
  clone: 'auto',
  user: 'debian',
  seedBus: 'scsi',
  ...overrides,
})

/** A clone of `templateSpec()`. */
export const cloneSpec = (name: string, overrides: Partial<InstanceSpec> = {}): InstanceSpec =>
  instanceSpec(name, {
    source: {
      kind: 'template',
      id: 'debian',
      clone: 'auto',
      network: 'ifupdown',
      interfaces: ['enp1s0'],
      renderer: 'networkd',
    },
    rootDisk: { sizeMib: 0, mode: 'copy', format: 'qcow2', extension: 'qcow2' },
    ...overrides,
  })

export function instanceSpec(name: string, overrides: Partial<InstanceSpec> = {}): InstanceSpec {
  const hex = sha256Hex(name)
  return {
    name,
    group: name,
    host: 'fake',
    placement: undefined,
    source: { kind: 'image', id: 'debian-12', customise: undefined },
    pool: 'instances',
    vcpus: 2,
    singleSocket: true,
    memoryMib: 1024,
    machine: 'q35',
    firmware: 'uefi',
    secureBoot: false,
    seedBus: 'scsi',
    rootDisk: { sizeMib: 10_240, mode: 'overlay', format: 'qcow2', extension: 'qcow2' },
    extraDisks: [],
    interfaces: [
      {
        network: 'default',
        mac: `52:54:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`,
        vlan: undefined,
        dhcp4: true,
        dhcp6: false,
        addresses: [],
        leases: [],
        gateway4: undefined,
        gateway6: undefined,
        dns: [],
        search: [],
        rename: undefined,
        fallbackNames: [],
      },
    ],
    cloudInit: {
      user: {
        name: 'debian',
        password: undefined,
        hashedPassword: undefined,
        sudo: 'ALL=(ALL) NOPASSWD:ALL',
        shell: '/bin/bash',
        groups: ['sudo'],
        sshKeys: [],
      },
      injectOwnKey: true,
      rootPassword: undefined,
      sshPasswordAuth: false,
      disableRoot: true,
      manageEtcHosts: true,
      timezone: 'UTC',
      locale: 'C.UTF-8',
      packageUpdate: false,
      packageUpgrade: false,
      packageRebootIfRequired: false,
      apt: undefined,
      packages: [],
      bootcmd: [],
      runcmd: [],
      writeFiles: [],
      finalMessage: 'CLOUD-INIT FINISHED AT $TIMESTAMP',
      networkdWaitOnlineSeconds: undefined,
      raw: {},
    },
    autostart: false,
    ready: {
      rungs: ['started', 'address'],
      port: 22,
      timeoutMs: {
        started: 60_000,
        address: 180_000,
        port: 180_000,
        ssh: 180_000,
        agent: 180_000,
        'cloud-init': 600_000,
      },
      usualLimits: [],
      recheckAfterSnapshot: true,
    },
    snapshot: { name: 'snapshot-a', description: 'initial configuration', startAfterwards: true },
    hyperv: undefined,
    processor: undefined,
    lifecycle: defaultLifecycle('/results'),
    matrix: undefined,
    disposable: false,
    ...overrides,
  }
}

/** A NAT network that vmwright makes, with DHCP and a domain. */
export const ownNetwork = (id = 'lan', overrides: Partial<OwnNetworkSpec> = {}): NetworkSpec => ({
  id,
  name: `lab-${id}`,
  own: {
    mode: 'nat',
    bridge: `vw-${sha256Hex(id).slice(0, 8)}`,
    mac: undefined,
    interface: undefined,
    mtu: undefined,
    ipv4: { address: '10.10.0.1', prefix: 24, dhcp: { from: '10.10.0.2', to: '10.10.0.254' } },
    ipv6: undefined,
    domain: 'lab.example',
    records: [],
    forwarders: [],
    forwarding: undefined,
    autostart: true,
    ...overrides,
  },
})

export const extraDisk = (device: string, sizeMib = 1024) => ({
  device,
  sizeMib,
  format: 'qcow2' as const,
  extension: 'qcow2',
  mount: undefined,
})

export const resolvedSpec = (
  instances: readonly InstanceSpec[],
  overrides: Partial<ResolvedSpec> = {},
): ResolvedSpec => ({
  project: 'lab',
  file: 'vmwright.yaml',
  hosts: [hostSpec()],
  images: [imageSpec()],
  templates: [],
  cloning: {
    mode: 'auto',
    parallel: 4,
    workspace: undefined,
    emptyWorkspace: true,
    validate: 'always',
    fullHash: false,
  },
  networks: [{ id: 'default', name: 'default', own: undefined }],
  pools: [
    {
      id: 'instances',
      kind: 'path',
      name: 'vmwright-instances',
      path: '/var/lib/libvirt/images/vmwright/instances',
      permissions: undefined,
    },
  ],
  instances,
  imagePolicy: { refresh: { kind: 'never' }, verifyCached: true, repair: false, allowNocloud: false },
  budget: noBudget,
  ...overrides,
})
