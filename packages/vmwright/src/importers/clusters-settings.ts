import type { Setting } from './importer.ts'

/** A setting that is known by the form of its name, because nothing names it for sure. */
export interface FormSetting extends Setting {
  readonly form: RegExp
}

const unused = 'no active code of the old system uses it'

/** Variables whose names are certain. */
export const namedClusterSettings: readonly Setting[] = [
  {
    name: 'ssh_pub_key',
    to: 'defaults.cloudInit.user.sshKeys',
    note: 'a key, or the path of its file on this machine; it let root in and now lets the user of the image in',
  },
  {
    name: 'domain_ca_cert',
    to: 'defaults.cloudInit.writeFiles',
    note: 'with a command in `runcmd` that trusts it; the file was on the VM host and has to be on this machine',
  },
  {
    name: 'vmhost_bridge_iface',
    to: 'networks.cluster.bridge',
    note: 'the old template has `kvmbr0` in its place',
  },
  {
    name: 'vmhost_bridge_name',
    to: undefined,
    note: 'only in the prose; the code reads `vmhost_bridge_iface`',
  },
  {
    name: 'vmhost_net',
    to: 'networks.cluster.forwarding.from',
    note: 'the old rules have 172.17.1.0/24 in its place',
  },
  { name: 'vmhost_iface_name', to: undefined, note: unused },
  { name: 'vmhost_ip_addr', to: undefined, note: unused },
  { name: 'vmhost_route_addr', to: undefined, note: unused },
  {
    name: 'vm_cluster_bridge_ip',
    to: 'networks.cluster.ipv4',
    note: "with `dhcp: true`; the host's own address, which is gateway and name server of the machines",
  },
  {
    name: 'vm_cluster_bridge_net',
    to: 'instances.*.address',
    note: 'its prefix length, as in `networks.cluster.ipv4`; 24 where it has none',
  },
]

/** Variables that are told by the form of their names or values; each that is taken so is noted as decided. */
export const clusterForms = {
  vms: {
    name: 'a list of `name` and `ip`',
    form: /^/,
    to: 'instances',
    note: 'the first list of mappings that have both, whatever its name',
  },
  network: { name: '*network_name', form: /net(work)?_name$/, to: 'networks.cluster.name' },
  imageBase: {
    name: '*base_url',
    form: /base_?url$/,
    to: 'images.cluster.url',
    note: 'joined with the file by one `/`',
  },
  imageFile: {
    name: '*image_name',
    form: /image_?(file|name|filename)$/,
    to: 'images.cluster.fileName',
  },
  imageUrl: { name: '*image_url', form: /image_?url$/, to: 'images.cluster.url' },
  manifest: {
    name: '*checksum_url',
    form: /(checksums?|sha512)_?(url)$/,
    to: 'images.cluster.checksums.url',
    note: 'SHA512; `SHA512SUMS` beside the image where it is not set',
  },
  cpus: { name: '*cpus', form: /(^|_)v?cpus?(_count)?$/, to: 'defaults.vcpus' },
  memory: {
    name: '*memory_mb',
    form: /(^|_)(memory|ram|mem)(_(mi?b|gi?b))?$/,
    to: 'defaults.memory',
    note: 'with the unit of its name or value; without one it is a question',
  },
  disk: {
    name: '*disk_size_gb',
    form: /disk_?size(_(gi?b|mi?b))?$/,
    to: 'defaults.rootDisk.size',
    note: 'likewise; the copy grows, not the cached image',
  },
  pool: { name: '*pool_dir', form: /pool_?(dir|path)$/, to: 'pools.cluster.path' },
  poolName: {
    name: '*pool_name',
    form: /pool_?name$/,
    to: 'pools.cluster.name',
    note: 'beside `*pool_dir`',
  },
  download: {
    name: '*download_dir',
    form: /(download|image)_?(dir|path)$/,
    to: undefined,
    note: 'the image cache has a folder of its own; what was downloaded before is not used',
  },
  rootPassword: {
    name: '*root_password',
    form: /root_?(pass|password|pw)$/,
    to: 'defaults.cloudInit.rootPassword',
    note: 'as `{ env: ROOT_PASSWORD }`, never in clear',
  },
} as const satisfies Record<string, FormSetting>

export const clusterSettings: readonly Setting[] = [
  ...namedClusterSettings,
  ...Object.values<FormSetting>(clusterForms).map(({ form: _form, ...setting }) => setting),
  { name: 'vm.name', to: 'instances', note: 'the key of the instance' },
  { name: 'vm.ip', to: 'instances.*.address' },
  { name: 'vm.mac', to: 'instances.*.interfaces[0].mac' },
]
