import type { Setting } from './importer.ts'
import { commonSettings } from './kvm-settings.ts'

const perRun = 'a copy ends when it is complete or makes no progress, not after a time'

/** Variables and keys of template clones on KVM, and their fields. */
export const templateSettings: readonly Setting[] = [
  ...commonSettings,
  { name: 'kvm_instance_pool_path', to: 'pools.instances.path' },
  {
    name: 'kvm_default_clone_disk_extension',
    to: 'defaults.rootDisk.extension',
    note: 'it is a name only: a clone has the format of its template',
  },
  {
    name: 'kvm_clone_workspace_path',
    to: 'cloning.workspace',
    note: 'copies that are not complete; without it they are made in the pool',
  },
  { name: 'kvm_cleanup_workspace_path_after_run', to: 'cloning.emptyWorkspace' },
  { name: 'kvm_clone_mode', to: 'cloning.mode' },
  { name: 'kvm_clone_async_timeout_seconds', to: undefined, note: perRun },
  { name: 'kvm_clone_wait_retries', to: undefined, note: perRun },
  { name: 'kvm_clone_wait_delay_seconds', to: undefined, note: perRun },
  { name: 'kvm_template_validation_mode', to: 'cloning.validate' },
  {
    name: 'kvm_template_validation_state_dir',
    to: undefined,
    note: 'what was validated is kept with the other state of vmwright; remove the old folder',
  },
  { name: 'kvm_restart_template_instances_after_run', to: 'templates.*.restart' },
  {
    name: 'kvm_default_guest_network_interface',
    to: 'templates.*.interfaces',
    note: 'for templates without one of their own',
  },
  {
    name: 'kvm_template_catalog',
    to: 'templates',
    note: 'by the same keys; the keys of a profile are below',
  },
  { name: 'profile.template_instance_name', to: 'templates.*.domain' },
  { name: 'profile.template_instance_disk_files', to: 'templates.*.disks' },
  { name: 'profile.guest_os_variant', to: 'templates.*.os' },
  { name: 'profile.guest_network_mode', to: 'templates.*.network' },
  { name: 'profile.guest_network_interface', to: 'templates.*.interfaces' },
  { name: 'profile.netplan_renderer', to: 'templates.*.renderer' },
  {
    name: 'profile.guest_network_prefix',
    to: 'instances.*.address',
    note: 'in each instance of the profile that has none of its own',
  },
  { name: 'profile.guest_network_gateway', to: 'instances.*.interfaces[0].gateway4', note: 'likewise' },
  { name: 'profile.guest_dns_servers', to: 'instances.*.interfaces[0].dns', note: 'likewise' },
  { name: 'profile.ssh_port', to: 'instances.*.ready.port', note: 'likewise' },
  { name: 'profile.clone_disk_extension', to: 'instances.*.rootDisk.extension', note: 'likewise' },
  {
    name: 'instance.template_profile_id',
    to: 'instances.*.template',
    note: "the key of a template, or its machine's name where only one template is of it",
  },
  {
    name: 'instance.template_instance_name',
    to: 'templates.*.domain',
    note: 'the instance gets a template of its own',
  },
  { name: 'instance.template_instance_disk_files', to: 'templates.*.disks', note: 'likewise' },
  { name: 'instance.guest_os_variant', to: 'templates.*.os', note: 'likewise' },
  { name: 'instance.guest_network_mode', to: 'instances.*.guest.network' },
  { name: 'instance.guest_network_interface', to: 'instances.*.guest.interfaces' },
  { name: 'instance.netplan_renderer', to: 'instances.*.guest.renderer' },
  { name: 'instance.clone_disk_extension', to: 'instances.*.rootDisk.extension' },
]
