import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** libvirt's own client: a witness that shares no code with the program. */
export interface Virsh {
  /** Output of one command, without the space around it. Throws when virsh fails. */
  (...args: readonly string[]): Promise<string>
  readonly uri: string
}

export function openVirsh(uri: string): Virsh {
  const run = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('virsh', ['-q', '-c', uri, ...args], {
      env: { ...process.env, LC_ALL: 'C' },
      maxBuffer: 64 * 1024 * 1024,
    })
    return stdout.trim()
  }
  return Object.assign(run, { uri })
}

/** The lines of a listing; none when it is empty. */
export const linesOf = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
