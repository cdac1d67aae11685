import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** Folders that Ansible looks into beside a playbook when a task names a file. */
export const searchedFolders = ['files', 'templates', 'vars', 'tasks'] as const

/** What Ansible loads by itself beside a playbook. */
export const loadedFolders = [
  'library',
  'module_utils',
  'action_plugins',
  'become_plugins',
  'cache_plugins',
  'callback_plugins',
  'cliconf_plugins',
  'connection_plugins',
  'doc_fragments',
  'filter_plugins',
  'httpapi_plugins',
  'inventory_plugins',
  'lookup_plugins',
  'netconf_plugins',
  'shell_plugins',
  'strategy_plugins',
  'terminal_plugins',
  'test_plugins',
  'vars_plugins',
  'collections',
  'group_vars',
  'host_vars',
] as const

/** Where those folders are looked for, by their order: beside the file of tasks, then in the folder of phases. */
export const besides = (file: string, phaseFolder: string | undefined): readonly string[] => [
  ...new Set([dirname(file), ...(phaseFolder === undefined ? [] : [phaseFolder])]),
]

/** Ansible's default (`DEFAULT_ROLES_PATH`), after the folders `roles` beside the phases. */
export const rolesPath = (file: string, phaseFolder: string | undefined): readonly string[] => [
  ...besides(file, phaseFolder).map((folder) => join(folder, 'roles')),
  ...(process.env['ANSIBLE_ROLES_PATH']?.split(':').filter((path) => path !== '') ?? [
    join(homedir(), '.ansible', 'roles'),
    '/usr/share/ansible/roles',
    '/etc/ansible/roles',
  ]),
]
