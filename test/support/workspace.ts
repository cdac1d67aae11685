import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Ended, program, type Running, startProgram } from './program.ts'

/** A folder with specs, and a person with a home of their own who works in it. */
export interface Workspace extends AsyncDisposable {
  /** QEMU's user may enter it. */
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  write(name: string, content: string | Uint8Array): Promise<string>
  /** A spec as data; JSON is YAML too. */
  spec(name: string, spec: object): Promise<string>
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Running
  /** Looks every 20 ms until it is so; throws after two minutes. */
  until(isSo: () => Promise<boolean>): Promise<void>
  vmwright(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>
}

export async function openWorkspace(name: string): Promise<Workspace> {
  const folder = await mkdtemp(join(process.env['VMWRIGHT_TEST_FOLDER'] ?? '/var/tmp', `vmwright-${name}-`))
  await chmod(folder, 0o711)
  const env = {
    XDG_DATA_HOME: join(folder, 'home/data'),
    XDG_CACHE_HOME: join(folder, 'home/cache'),
    VMWRIGHT_DEBUG: '1',
  }
  await mkdir(join(folder, 'home'), { mode: 0o700 })
  const write: Workspace['write'] = async (file, content) => {
    await writeFile(join(folder, file), content)
    return join(folder, file)
  }
  const start: Workspace['start'] = (args, more = {}) =>
    startProgram(program, args, { cwd: folder, env: { ...env, ...more } })
  return {
    folder,
    env,
    write,
    spec: (file, spec) => write(file, JSON.stringify(spec, undefined, 2)),
    start,
    async until(isSo) {
      const limitMs = performance.now() + 120_000
      while (!(await isSo())) {
        if (performance.now() > limitMs) throw new Error(`it did not become so: ${isSo}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    vmwright: (args, more) => start(args, more).ended,
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true })
    },
  }
}
