import { ProvisionError } from '../lib/errors.ts'
import { Secret } from '../lib/secret.ts'
import { singleQuoted } from '../lib/shell.ts'
import type { GuestCommand } from './channel.ts'

/**
 * How a command gets into a guest without standing in any argument list there. The argument list has only the launcher
 * below, which is the same for all commands. It reads the command from standard input:
 *
 *     whatever sudo did not want to know
 *     vmwright:NONCE
 *     shell commands: environment, directory, arguments, the script
 *     vmwright:NONCE
 *     the standard input of the command
 *
 * and runs it only if it is whole. A shell's `read` takes no byte more than its line from a pipe (POSIX, `read`), so
 * the rest is for the command. The first thing it does is to write `vmwright:NONCE PID` to both outputs: what is before
 * that comes from start files of the login shell and from sudo.
 *
 * The text is for any login shell, csh and fish too: no quote, no `!`, one line.
 */
const launcher = [
  'e= c= N=$(printf "\\012_"); N=${N%_}',
  'while IFS= read -r l; do case $l in vmwright:*) e=$l; break;; esac; done',
  'while IFS= read -r l; do [ "$l" = "$e" ] && break; c=$c$l$N; done',
  '[ -n "$e" ] && [ "$l" = "$e" ] || exit 125',
  'eval "$c"',
].join('; ')

const launch = `/bin/sh -c '${launcher}' sh`

/** What sudo asks with; nothing else asks so. */
export const sudoPrompt = 'vmwright-password:'

/** Written by the launcher when sudo has let it through. */
export const sudoPassed = 'vmwright-passed'

export interface Become {
  /** Who is logged in. */
  readonly login: string
  /** Who the command is to run as. */
  readonly user: string | undefined
  /** Whether a password will be sent when sudo asks. */
  readonly hasPassword: boolean
}

/** The command line for the login shell. Pure. Throws `guest.command-failed` for what cannot be a user's name. */
export function launchLine({ login, user, hasPassword }: Become): string {
  if (user === undefined || user === login) return `exec ${launch}`
  if (!/^[A-Za-z_][\w.-]*\$?$/.test(user))
    throw new ProvisionError('guest.command-failed', {
      message: `No user of the guest can be called ${JSON.stringify(user)}.`,
      hint: 'Correct `user` of the step.',
      details: { user },
    })
  // A system without sudo still has su.
  if (login === 'root') return `exec su -s /bin/sh -c '${launcher}' ${user}`
  if (!hasPassword) return `exec sudo -n -H -u ${user} -- ${launch}`
  return `exec sudo -S -p ${sudoPrompt} -H -u ${user} -- /bin/sh -c 'echo ${sudoPassed}; ${launcher}' sh`
}

export const markerOf = (nonce: string): string => `vmwright:${nonce}`

/** What the launcher reads, without the command's own standard input. Pure. Throws `guest.command-failed`. */
export function launchText(nonce: string, command: Omit<GuestCommand, 'stdin' | 'onOutput'>): string {
  const marker = markerOf(nonce)
  const { script, args = [], directory, environment = {} } = command
  const variables = Object.entries(environment).map(([name, value]) => {
    if (!/^[A-Za-z_]\w*$/.test(name))
      throw impossible(`No environment variable can be called ${JSON.stringify(name)}.`)
    return `export ${name}=${singleQuoted(value instanceof Secret ? value.reveal() : value)}`
  })
  const text = [
    marker,
    'unset c e l N',
    `printf "%s %s\\n" ${marker} "$$"; printf "%s\\n" ${marker} >&2`,
    ...variables,
    ...(directory === undefined ? [] : [`cd -- ${singleQuoted(directory)} || exit 2`]),
    `set -- ${args.map(singleQuoted).join(' ')}`,
    'set -e',
    script,
    marker,
    '',
  ].join('\n')
  if (text.includes('\0'))
    throw impossible('A command for a guest has a byte 0 in it, which no shell can take.')
  return text
}

const impossible = (message: string): ProvisionError =>
  new ProvisionError('guest.command-failed', { message, hint: 'Correct the step.' })

/** What comes behind the marker's line, of an output that comes in pieces. */
export class AfterMarker {
  readonly #marker: string
  #before: Buffer | undefined = Buffer.alloc(0)

  constructor(nonce: string) {
    this.#marker = markerOf(nonce)
  }

  /** The text before the marker, while there was none. */
  get missing(): string | undefined {
    return this.#before?.toString('utf8')
  }

  push(bytes: Uint8Array): Uint8Array {
    if (this.#before === undefined) return bytes
    this.#before = Buffer.concat([this.#before, bytes])
    const at = this.#before.indexOf(this.#marker)
    const end = at < 0 ? -1 : this.#before.indexOf(0x0a, at)
    if (end < 0) return new Uint8Array()
    const rest = this.#before.subarray(end + 1)
    this.#before = undefined
    return rest
  }
}

/**
 * Ends process `$1` with all that came from it: its descendants and its session, first asked, after a second by force,
 * and stopped before that, so that none can beget another meanwhile.
 * Of a process that is gone already only the session can be found. Fields of `/proc/PID/stat` are in proc(5).
 */
export const endScript = String.raw`
set +e
pid=$1 sid=$1 all=" $1 "
fields() { { read -r line <"/proc/$1/stat"; } 2>/dev/null && line=${'${line##*) }'}; }
if fields "$pid"; then
  set -- $line
  parent=$2 session=$4
  case $session in
    "$pid" | "$parent") sid=$session ;;
    *)
      # Between it and the leader of its session may stand who made it another user.
      { read -r name <"/proc/$parent/comm"; } 2>/dev/null || name=
      case $name in
        sudo | su) if fields "$parent"; then set -- $line; [ "$2" != "$session" ] || sid=$session; fi ;;
      esac
      ;;
  esac
elif ! [ -e /proc/self/stat ]; then
  all=" -$pid "
fi
look() {
  grown=yes
  while [ -n "$grown" ]; do
    grown=
    for folder in /proc/[0-9]*; do
      id=${'${folder#/proc/}'}
      case $all in *" $id "*) continue ;; esac
      fields "$id" || continue
      set -- $line
      case $all in *" $2 "*) ;; *) [ "$4" = "$sid" ] || continue ;; esac
      all="$all$id " grown=yes
    done
  done
}
look
kill -s TERM -- $all
for try in 1 2 3 4 5 6 7 8 9 10; do
  left=
  for id in $all; do
    fields "$id" || continue
    case $line in Z*) ;; *) left=yes ;; esac
  done
  if [ -z "$left" ]; then
    # What was begotten while it was looked at.
    before=$all
    look
    [ "$all" != "$before" ] || exit 0
    kill -s TERM -- $all
  fi
  sleep 0.1 || sleep 1
done 2>/dev/null
look
kill -s STOP -- $all
look
kill -s KILL -- $all
exit 0`
