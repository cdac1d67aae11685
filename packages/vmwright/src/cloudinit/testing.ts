import { Secret } from '../lib/secret.ts'
import type { InstanceSpec, InterfaceSpec } from '../spec/resolved.ts'
import type { CloudInitSpec } from '../spec/resolved-cloud-init.ts'
import { instanceSpec } from '../testing/specs.ts'
import type { HostKey } from './host-keys.ts'

/** Instances and keys for the tests of this folder. */

export const exampleInterface: InterfaceSpec = {
  network: 'lan',
  mac: '52:54:00:12:34:56',
  vlan: undefined,
  dhcp4: false,
  dhcp6: false,
  addresses: ['192.168.24.121/24'],
  gateway4: '192.168.24.1',
  gateway6: undefined,
  leases: [],
  dns: ['1.1.1.1', '8.8.8.8'],
  search: [],
  rename: undefined,
  fallbackNames: [],
}

export const dhcpInterface: InterfaceSpec = {
  ...exampleInterface,
  dhcp4: true,
  addresses: [],
  gateway4: undefined,
  leases: [],
  dns: [],
}

const usual = instanceSpec('web-1')

export const exampleCloudInit: CloudInitSpec = {
  ...usual.cloudInit,
  user: { ...usual.cloudInit.user, sshKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXAMPLE ops'] },
  locale: 'en_US.UTF-8',
  finalMessage: '',
}

export const exampleInstance = (
  cloudInit: Partial<CloudInitSpec> = {},
  rest: Partial<InstanceSpec> = {},
): InstanceSpec => ({
  ...usual,
  group: 'web',
  interfaces: [exampleInterface],
  cloudInit: { ...exampleCloudInit, ...cloudInit },
  snapshot: undefined,
  ...rest,
})

/** Every part of the model in use. */
export const fullInstance = exampleInstance(
  {
    user: { ...exampleCloudInit.user, password: { kind: 'env', name: 'USER_PASSWORD' } },
    rootPassword: { kind: 'file', path: '/run/secrets/root' },
    sshPasswordAuth: true,
    packageUpdate: true,
    packageUpgrade: true,
    apt: {
      preserve_sources_list: true,
      primary: [{ arches: ['default'], uri: 'https://deb.debian.org/debian' }],
    },
    packages: ['curl', 'jq'],
    bootcmd: ['echo booting'],
    runcmd: [['systemctl', 'enable', '--now', 'fstrim.timer'], 'echo "a: b" > /etc/motd'],
    writeFiles: [
      {
        path: '/etc/app/token',
        content: 'token-in-a-file\n',
        owner: 'root:root',
        permissions: '0600',
        append: false,
        defer: true,
      },
    ],
    finalMessage: 'ready at $TIMESTAMP',
    networkdWaitOnlineSeconds: 30,
    raw: { growpart: { mode: 'auto' }, packages: ['curl', 'htop'] },
  },
  {
    extraDisks: [
      {
        device: 'vdb',
        sizeMib: 10_240,
        format: 'qcow2',
        extension: 'qcow2',
        mount: { path: '/data', filesystem: 'ext4', options: 'defaults,nofail', label: 'web-1-vdb' },
      },
      { device: 'vdc', sizeMib: 1024, format: 'raw', extension: 'img', mount: undefined },
    ],
  },
)

export const exampleHostKeys: readonly HostKey[] = [
  {
    type: 'ed25519',
    privateKey: new Secret('-----BEGIN KEY-----\nprivate-ed25519\n-----END KEY-----\n'),
    publicKey: 'ssh-ed25519 AAAAED web-1',
  },
  {
    type: 'ecdsa',
    privateKey: new Secret('-----BEGIN KEY-----\nprivate-ecdsa\n-----END KEY-----\n'),
    publicKey: 'ecdsa-sha2-nistp256 AAAAEC web-1',
  },
]

export const exampleSecrets = {
  passwordHash: '$6$salt$user-hash',
  rootPasswordHash: '$6$salt$root-hash',
  hostKeys: exampleHostKeys,
  ownKey: 'ssh-ed25519 AAAAOWN me@desk',
}
