import { chmod, lstat, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Progress } from '../../lib/progress.ts'
import type { PhaseContext } from '../run.ts'
import { callbackPlugin } from './callback.ts'
import { besides, loadedFolders, rolesPath, searchedFolders } from './folders.ts'
import { killStragglers } from './stragglers.ts'
import { unsafeYaml } from './unsafe-yaml.ts'

/** A folder of this machine that only its user may enter, with all that one run of Ansible needs; goes with it. */
export interface Workspace extends AsyncDisposable {
  readonly folder: string
  readonly arguments: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Removes the values of variables, once Ansible has read them. */
  forgetVariables(): Promise<void>
}

/** Where the phase is. */
interface Tasks {
  readonly path: string
  readonly phaseFolder: string | undefined
}

export async function makeWorkspace(
  progress: Progress,
  tasks: Tasks,
  context: PhaseContext,
): Promise<Workspace> {
  await removeStale(progress)
  const folder = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`))
  const variables = join(folder, 'variables.yaml')
  const remove = async (): Promise<void> => {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  try {
    await chmod(folder, 0o700)
    const access = join(folder, 'access')
    await mkdir(access, { mode: 0o700 })
    const { inventory } = await context.connector.ansible(progress, access)
    const write = (name: string, text: string): Promise<void> =>
      writeFile(join(folder, name), text, { mode: 0o600 })
    const { guest, facts } = context
    await write(
      'inventory.yaml',
      JSON.stringify({
        all: { hosts: { [guest]: { ansible_python_interpreter: 'auto_silent', ...inventory } } },
      }),
    )
    const secrets = Object.fromEntries(
      Object.entries(context.secrets).map(([name, secret]) => [name, secret.reveal()]),
    )
    await write(
      'variables.yaml',
      unsafeYaml({ ...context.variables, vm: { name: guest, ...facts }, secrets }),
    )
    await write('playbook.yaml', playbook(tasks.path, context))
    await mkdir(join(folder, 'callback'))
    await write('callback/vmwright.py', callbackPlugin)
    await linkFolders(folder, tasks)
    return {
      folder,
      arguments: [
        '--inventory',
        join(folder, 'inventory.yaml'),
        '--extra-vars',
        `@${variables}`,
        join(folder, 'playbook.yaml'),
      ],
      environment: { ...secrets, ...settings(folder, tasks) },
      forgetVariables: () => rm(variables, { force: true }),
      [Symbol.asyncDispose]: remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}

const prefix = 'vmwright-ansible-'

/** What is left of runs whose process was killed. */
async function removeStale(progress: Progress): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1]
    if (pid === undefined || (await isThere(`/proc/${pid}`))) continue
    const folder = join(tmpdir(), name)
    const facts = await lstat(folder).catch(() => undefined)
    if (facts?.isDirectory() !== true || facts.uid !== process.getuid?.()) continue
    await killStragglers(progress, folder)
    await rm(folder, { recursive: true, force: true })
  }
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** A guest that has no Python yet may get it by `raw`: that its facts cannot be gathered is no failure. */
const playbook = (path: string, { environment }: PhaseContext): string => {
  const data = [
    {
      hosts: 'all',
      gather_facts: false,
      tasks: [
        { name: 'Gather facts', 'ansible.builtin.setup': {}, ignore_errors: true },
        { 'ansible.builtin.import_tasks': { file: path } },
      ],
    },
  ]
  // YAML takes JSON; the environment is the only part whose texts are not to be expanded.
  return `- ${JSON.stringify(data[0]).slice(0, -1)},"environment": ${unsafeYaml(environment)}}\n`
}

/** What Ansible looks for beside a playbook is beside the phase; the first that has it counts. */
async function linkFolders(folder: string, { path, phaseFolder }: Tasks): Promise<void> {
  for (const name of [...searchedFolders, ...loadedFolders])
    for (const beside of besides(path, phaseFolder).map((one) => join(one, name)))
      if (
        await stat(beside).then(
          (found) => found.isDirectory(),
          () => false,
        )
      ) {
        await symlink(beside, join(folder, name))
        break
      }
}

/** Over the configuration that Ansible finds by itself. */
const settings = (folder: string, { path, phaseFolder }: Tasks): Readonly<Record<string, string>> => ({
  ANSIBLE_CALLBACK_PLUGINS: join(folder, 'callback'),
  ANSIBLE_STDOUT_CALLBACK: 'vmwright',
  ANSIBLE_LOCAL_TEMP: join(folder, 'local'),
  ANSIBLE_SSH_CONTROL_PATH_DIR: join(folder, 'cp'),
  ANSIBLE_INVENTORY_ENABLED: 'yaml',
  ANSIBLE_ROLES_PATH: rolesPath(path, phaseFolder).join(':'),
  ANSIBLE_HOST_KEY_CHECKING: 'True',
  ANSIBLE_RETRY_FILES_ENABLED: 'False',
  ANSIBLE_PIPELINING: 'True',
  ANSIBLE_NOCOLOR: '1',
  ANSIBLE_FORCE_COLOR: '0',
  ANSIBLE_NOCOWS: '1',
  // Arguments of modules may be secrets.
  ANSIBLE_NO_TARGET_SYSLOG: 'True',
  ANSIBLE_LOG_PATH: '/dev/null',
  ANSIBLE_DISPLAY_ARGS_TO_STDOUT: 'False',
  PYTHONDONTWRITEBYTECODE: '1',
  PYTHONUNBUFFERED: '1',
})
