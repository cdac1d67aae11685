import type { InstanceSpec, InterfaceSpec, ReadySpec } from '../../spec/resolved.ts'

/** An instance `web-1` with one interface by DHCP and the usual ladder; tests change what they are about. */
export function sampleInstance(
  changes: {
    readonly ready?: Partial<ReadySpec>
    readonly interfaces?: InstanceSpec['interfaces']
    readonly finalMessage?: string
  } = {},
): InstanceSpec {
  return {
    name: 'web-1',
    group: 'web',
    host: 'local',
    image: 'debian',
    pool: 'default',
    vcpus: 1,
    singleSocket: false,
    memoryMib: 512,
    machine: 'q35',
    firmware: 'bios',
    secureBoot: false,
    seedBus: 'scsi',
    rootDisk: { sizeMib: 4_096, mode: 'overlay', format: 'qcow2', extension: 'qcow2' },
    extraDisks: [],
    interfaces: changes.interfaces ?? [sampleInterface()],
    cloudInit: {
      user: {
        name: 'debian',
        password: undefined,
        hashedPassword: undefined,
        sudo: 'ALL=(ALL) NOPASSWD:ALL',
        shell: '/bin/bash',
        groups: [],
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
      finalMessage: changes.finalMessage ?? '',
      networkdWaitOnlineSeconds: undefined,
      raw: {},
    },
    autostart: false,
    ready: {
      rungs: ['started', 'address', 'port', 'ssh', 'cloud-init'],
      port: 22,
      timeoutMs: {
        started: 30_000,
        address: 60_000,
        port: 60_000,
        ssh: 60_000,
        agent: 60_000,
        'cloud-init': 600_000,
      },
      recheckAfterSnapshot: true,
      ...changes.ready,
    },
    snapshot: undefined,
  }
}

export const sampleInterface = (changes: Partial<InterfaceSpec> = {}): InterfaceSpec => ({
  network: 'default',
  mac: '52:54:00:aa:bb:01',
  dhcp4: true,
  dhcp6: false,
  addresses: [],
  gateway4: undefined,
  gateway6: undefined,
  dns: [],
  search: [],
  rename: undefined,
  fallbackNames: [],
  ...changes,
})
