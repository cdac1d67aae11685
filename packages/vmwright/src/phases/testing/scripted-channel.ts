import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { Secret } from '../../lib/secret.ts'
import type { CommandEnd, GuestChannel, GuestCommand, GuestFile } from '../../guest/channel.ts'

export interface ScriptedChannel extends GuestChannel {
  readonly commands: GuestCommand[]
  /** Content, mode and owner of what was put, by path. */
  readonly files: Map<
    string,
    {
      readonly text: string
      readonly mode: number
      readonly owner: string | undefined
      readonly user: string | undefined
    }
  >
}

export type Answer = Partial<CommandEnd> | 'lost' | 'hangs'

/** A channel that answers each command by a function and keeps what it was given. */
export function scriptedChannel(answer: (command: GuestCommand) => Answer = () => ({})): ScriptedChannel {
  const commands: GuestCommand[] = []
  const files: ScriptedChannel['files'] = new Map()
  let alive = true
  return {
    kind: 'ssh',
    description: 'debian@192.0.2.1 by SSH',
    get alive() {
      return alive
    },
    commands,
    files,
    async run(progress: Progress, command) {
      commands.push(command)
      const given = answer(command)
      if (given === 'lost') {
        alive = false
        throw new ProvisionError('guest.port-closed', { message: 'The connection is gone.' })
      }
      if (given === 'hangs') {
        await progress.sleep(progress.remainingMs)
        throw new ProvisionError('wait.timeout', { message: 'Timed out.' })
      }
      const { exitCode = 0, stdout = '', stderr = '' } = given
      if (stdout !== '') command.onOutput?.('stdout', stdout)
      if (stderr !== '') command.onOutput?.('stderr', stderr)
      return { exitCode, stdout, stderr }
    },
    async put(_progress: Progress, file: GuestFile) {
      files.set(file.path, {
        text: await textOf(file.content),
        mode: file.mode,
        owner: file.owner,
        user: file.user,
      })
    },
    async get(_progress, path) {
      const file = files.get(path)
      if (file === undefined)
        throw new ProvisionError('guest.file-missing', { message: `There is no ${path}.` })
      return (async function* () {
        yield new TextEncoder().encode(file.text)
      })()
    },
    async [Symbol.asyncDispose]() {
      alive = false
    },
  }
}

async function textOf(content: GuestFile['content']): Promise<string> {
  if (content instanceof Secret) return content.reveal()
  if (content instanceof Uint8Array) return new TextDecoder().decode(content)
  const pieces: Uint8Array[] = []
  for await (const piece of content) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}
