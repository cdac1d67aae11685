import type { Setting } from './importer.ts'

/** Parts and fields of job payloads and of the schema, and their fields in the spec. */
export const hyperVSettings: readonly Setting[] = [
  { name: 'target_host', to: 'hosts.*.uri', note: '`hyperv://HOST`, over TLS; it was WinRM over HTTP' },
  { name: 'schema_version', to: undefined, note: 'has to be that of the schema where that is given too' },
  { name: 'schema_id', to: undefined, note: 'of the form for hosts; has to be that of the schema' },
  { name: 'schema', to: undefined, note: 'likewise, as `id` and `version`' },
  { name: 'values', to: 'instances', note: 'an instance for each payload; its fields are below' },
  {
    name: 'fields',
    to: 'instances',
    note: 'likewise in the forms for hosts; in a schema the list of fields',
  },
  {
    name: 'parameter_sets',
    to: undefined,
    note: 'checked; the sets for addresses, domains and Ansible are read as their variants',
  },
  { name: 'vm_name', to: 'instances', note: 'the key: letters, digits and `-`' },
  { name: 'image_name', to: 'images.*.host', note: 'the host has it already' },
  { name: 'os_family', to: 'instances.*.os', note: 'else told by how `image_name` begins' },
  { name: 'gb_ram', to: 'instances.*.memory', note: 'with the unit `GiB`' },
  { name: 'cpu_cores', to: 'instances.*.vcpus' },
  { name: 'vlan_id', to: 'instances.*.interfaces[0].vlan', note: '`0` is untagged, so left out' },
  { name: 'guest_la_uid', to: 'instances.*.cloudInit.user.name' },
  { name: 'guest_la_pw', to: 'instances.*.cloudInit.user.password', note: 'as `{ env: … }`, never in clear' },
  { name: 'guest_v4_ipaddr', to: 'instances.*.interfaces[0].addresses' },
  { name: 'guest_v4_cidrprefix', to: 'instances.*.interfaces[0].addresses', note: 'the part after `/`' },
  { name: 'guest_v4_defaultgw', to: 'instances.*.interfaces[0].gateway4' },
  { name: 'guest_v4_dns1', to: 'instances.*.interfaces[0].dns' },
  { name: 'guest_v4_dns2', to: 'instances.*.interfaces[0].dns', note: 'only beside `guest_v4_dns1`' },
  {
    name: 'guest_net_dnssuffix',
    to: 'instances.*.interfaces[0].search',
    note: 'it was written only where a name server was, and never for Windows',
  },
  { name: 'guest_domain_jointarget', to: 'instances.*.domainJoin.domain' },
  { name: 'guest_domain_joinuid', to: 'instances.*.domainJoin.user' },
  { name: 'guest_domain_joinpw', to: 'instances.*.domainJoin.password', note: 'as `{ env: … }`' },
  { name: 'guest_domain_joinou', to: 'instances.*.domainJoin.ou' },
  {
    name: 'cnf_ansible_ssh_user',
    to: 'instances.*.cloudInit.user.sudo',
    note: 'the user of the guest may use sudo without a password; there is no second user',
  },
  { name: 'cnf_ansible_ssh_key', to: 'instances.*.cloudInit.user.sshKeys' },
  { name: 'vm_clustered', to: 'instances.*.clustered', note: 'also `Yes` and `No` as text' },
]
