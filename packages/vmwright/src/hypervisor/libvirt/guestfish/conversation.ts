import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Progress } from '../../../lib/progress.ts'
import type { HostShell } from '../host-shell.ts'
import { quoted } from './words.ts'

/** guestfish ended, or never started. Its last lines, which never hold what was written. */
export class GuestfishEnded extends Error {
  override readonly name = 'GuestfishEnded'
}

export type Argument = string | number | Uint8Array

/** Commands go in one by one, each with a mark after it that guestfish echoes when the command is done. */
export interface Guestfish {
  /** Lines that the command printed. Throws `GuestfishEnded` when it fails. */
  ask(command: string, ...words: readonly Argument[]): Promise<readonly string[]>
  /** As `ask`, for a command that may fail: then without lines. */
  attempt(command: string, ...words: readonly Argument[]): Promise<readonly string[]>
}

export interface GuestfishUse {
  readonly acceleration: 'kvm' | 'emulation'
  /** Path of the disk that one guestfish at a time may have. */
  readonly disk: string
  /** `usual` ends what does not come to an end by itself. */
  readonly limit: 'usual' | 'of-the-step'
}

const keptLines = 8
/** How long it may take to end when its input has, which includes the end of its appliance. */
const graceSeconds = '30'
/** Nothing usual takes so long but a kernel that does not boot. */
const longestMs = { usual: 900_000, 'of-the-step': 24 * 3_600_000 } as const

/**
 * Speaks with one guestfish on the host while `work` runs, and ends it. All goes over its stdin, so that neither
 * secrets nor paths are seen in the host's list of processes. When this process dies, or is cancelled, guestfish
 * comes to the end of its input and ends, and its appliance with it; who comes next for the same `disk` waits for that.
 */
export async function withGuestfish<T>(
  progress: Progress,
  shell: HostShell,
  { acceleration, disk, limit }: GuestfishUse,
  work: (guestfish: Guestfish) => Promise<T>,
): Promise<T> {
  progress.check()
  const settings = acceleration === 'emulation' ? 'force_tcg' : ''
  const [program, ...words] = shell.commandLine({
    script: guestfishScript,
    arguments: [settings, disk, graceSeconds],
    privileged: true,
  })
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'] })
  const finished = new AbortController()
  const stop = (): void => {
    // What it started may hold these open for a while.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
    child.kill('SIGTERM')
  }
  progress.signal.addEventListener('abort', stop, { once: true })
  let isLate = false
  const limitMs = Math.min(longestMs[limit], progress.remainingMs)
  void progress.seam.sleep(limitMs, finished.signal).then(
    () => {
      isLate = true
      stop()
    },
    () => {},
  )
  const conversation = converse(child, Buffer.from(progress.seam.randomBytes(8)).toString('hex'))
  try {
    const result = await work(conversation.guestfish)
    child.stdin.end()
    await conversation.ended
    return result
  } catch (error) {
    stop()
    await conversation.ended.catch(() => {})
    progress.check()
    throw isLate ? new GuestfishEnded('it did not answer in time') : error
  } finally {
    finished.abort()
    progress.signal.removeEventListener('abort', stop)
  }
}

/**
 * Constant; its arguments: settings, disk, seconds of grace. The user's own settings for debugging would print what is written. The lock is one of flock(2), which QEMU
 * does not use, and is held as long as guestfish lives: an appliance that an earlier run left behind may still be
 * starting, and would have QEMU refuse the disk.
 *
 * guestfish sees the end of its input only between two commands, and one may install packages for an hour. So its
 * input goes through a pipe whose writer sees the end at once, and ends a guestfish that is still there later. It is a
 * child of the shell that becomes guestfish: no other process can have that number while it is.
 */
export const guestfishScript = `
unset LIBGUESTFS_DEBUG LIBGUESTFS_TRACE LIBGUESTFS_BACKEND_SETTINGS
LIBGUESTFS_BACKEND=direct LC_ALL=C.UTF-8
export LIBGUESTFS_BACKEND LC_ALL
[ -z "$1" ] || export LIBGUESTFS_BACKEND_SETTINGS="$1"
exec 9<"$2"
flock -w 120 9 || { echo 'another libguestfs works on the disk' >&2; exit 1; }
exec 8<&0
folder=$(mktemp -d) || exit
mkfifo -m 600 "$folder/pipe" || exit
{
  { rm -r "$folder"; cat; } >"$folder/pipe"
  left=$3
  while [ $left -gt 0 ]; do
    sleep 1
    left=$((left - 1))
    read -r _ _ _ parent _ </proc/self/stat
    [ "$parent" = $$ ] || exit
  done
  kill $$
} <&8 8<&- 9<&- >/dev/null 2>&1 &
exec guestfish <"$folder/pipe" 8<&-`

interface Waiter {
  readonly mark: string
  readonly lines: string[]
  readonly resolve: (lines: readonly string[]) => void
  readonly reject: (error: unknown) => void
}

/** `token` keeps files of the guest, which are shown, from looking like a mark. */
function converse(child: ChildProcessWithoutNullStreams, token: string) {
  let waiter: Waiter | undefined
  let count = 0
  const errors: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    errors.push(line)
    if (errors.length > keptLines) errors.shift()
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line !== waiter?.mark) return void waiter?.lines.push(line)
    const { resolve, lines } = waiter
    waiter = undefined
    resolve(lines)
  })
  child.stdin.on('error', () => {})
  const ended = closed(child).then((code) => {
    if (code === 0 && waiter === undefined) return
    const error = new GuestfishEnded(errors.join('\n') || `guestfish ended with exit code ${code}`)
    waiter?.reject(error)
    throw error
  })
  ended.catch(() => {})

  const ask: Guestfish['ask'] = async (command, ...words) => {
    const mark = `${token}-${++count}`
    const line = [command, ...words.map((word) => quoted(typeof word === 'number' ? String(word) : word))]
    const lines = new Promise<readonly string[]>((resolve, reject) => {
      waiter = { mark, lines: [], resolve, reject }
    })
    child.stdin.write(`${line.join(' ')}\necho ${mark}\n`)
    return Promise.race([lines, ended.then(() => lines)])
  }
  return {
    guestfish: { ask, attempt: (command, ...words) => ask(`-${command}`, ...words) } satisfies Guestfish,
    ended,
  }
}

async function closed(child: ChildProcessWithoutNullStreams): Promise<number> {
  const [code] = await once(child, 'close')
  return typeof code === 'number' ? code : 128
}
