import type { Setting } from './importer.ts'

/** Settings that template clones and cloud images have in common. */
export const commonSettings: readonly Setting[] = [
  {
    name: 'kvm_hypervisor_host',
    to: 'hosts.*.uri',
    note: '`qemu+ssh://HOST/system`, with user, port and key of the inventory; `qemu:///system` for the machine itself',
  },
  { name: 'kvm_hypervisor_python_interpreter', to: undefined, note: 'no Python is needed on the host' },
  {
    name: 'kvm_libvirt_runtime_user',
    to: 'hosts.*.runtimeUser',
    note: 'leave it out to take that of the host',
  },
  {
    name: 'kvm_validate_runtime_pool_access',
    to: undefined,
    note: 'access is always checked before anything is made',
  },
  { name: 'kvm_auto_fix_runtime_pool_access', to: 'hosts.*.repairAccess' },
  {
    name: 'kvm_execute_mutation_phases_in_check_mode',
    to: undefined,
    note: '`plan` never changes anything',
  },
  { name: 'kvm_snapshot_enabled', to: 'defaults.snapshot' },
  { name: 'kvm_snapshot_name', to: 'defaults.snapshot.name' },
  { name: 'kvm_snapshot_description', to: 'defaults.snapshot.description' },
  { name: 'kvm_start_instances_after_snapshot', to: 'defaults.snapshot.startAfterwards' },
  {
    name: 'kvm_wait_for_instance_ssh',
    to: 'defaults.ready.rungs',
    note: '`false`: only that the machine runs',
  },
  {
    name: 'kvm_ensure_requested_instances_running',
    to: undefined,
    note: '`apply` always starts the declared instances',
  },
  {
    name: 'kvm_cleanup_confirmed',
    to: undefined,
    note: '`vmwright destroy` shows what it would remove, and does it with `--yes`',
  },
  { name: 'kvm_default_guest_network_gateway', to: 'networks.guests.gateway4' },
  { name: 'kvm_default_guest_network_prefix', to: 'instances.*.address', note: 'the part after `/`' },
  { name: 'kvm_default_guest_dns_servers', to: 'networks.guests.dns' },
  { name: 'kvm_instance_definitions', to: 'instances', note: 'by name; the keys are below' },
  { name: 'instance.instance_name', to: 'instances', note: 'the key of the instance' },
  { name: 'instance.instance_ipv4_address', to: 'instances.*.address' },
  { name: 'instance.guest_network_prefix', to: 'instances.*.address', note: 'the part after `/`' },
  { name: 'instance.guest_network_gateway', to: 'instances.*.interfaces[0].gateway4' },
  { name: 'instance.guest_dns_servers', to: 'instances.*.interfaces[0].dns' },
  { name: 'instance.vcpu_count', to: 'instances.*.vcpus' },
  { name: 'instance.memory_mb', to: 'instances.*.memory', note: 'with the unit `MiB`' },
  { name: 'instance.ssh_port', to: 'instances.*.ready.port' },
]
