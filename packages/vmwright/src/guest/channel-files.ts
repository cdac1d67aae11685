import { ProvisionError } from '../lib/errors.ts'
import { Secret } from '../lib/secret.ts'
import type { CommandEnd, GuestFile } from './channel.ts'

/**
 * Takes a file from standard input: `$1` path, `$2` mode, `$3` owner or nothing, `$4` a text that stands behind its last
 * byte. The folders above it are made. What came is taken off that text and renamed; without it the connection broke,
 * and nothing is left.
 */
export const putScript = String.raw`
path=$1 mode=$2 owner=$3 mark=$4
if [ -d "$path" ]; then echo "$path is a folder" >&2; exit 21; fi
folder=$(dirname -- "$path")
mkdir -p -- "$folder"
umask 077
temporary=$folder/.vmwright-$mark
trap 'rm -f -- "$temporary"' EXIT
trap 'exit 129' HUP INT TERM
trap '' PIPE
cat >"$temporary"
[ "$(tail -c ${'${#mark}'} "$temporary")" = "$mark" ] || { echo 'not all of it came' >&2; exit 5; }
size=$(($(wc -c <"$temporary") - ${'${#mark}'}))
dd if=/dev/null of="$temporary" bs=1 seek="$size" count=0 2>/dev/null
chmod "$mode" "$temporary"
[ -z "$owner" ] || chown "$owner" "$temporary"
mv -f -- "$temporary" "$path"`

export const missingExitCode = 44

/** Writes a file to standard output, behind a dot that says that there is one. */
export const getScript = `
[ -f "$1" ] && [ -r "$1" ] || [ -p "$1" ] || [ -c "$1" ] || { ls -ld -- "$1" >&2 || :; exit ${missingExitCode}; }
printf .
exec cat -- "$1"`

/** Mode for `chmod`, in octal. */
export const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0')

/** The content in pieces. */
export async function* piecesOf(content: GuestFile['content']): AsyncGenerator<Uint8Array> {
  if (content instanceof Secret) yield Buffer.from(content.reveal(), 'utf8')
  else if (content instanceof Uint8Array) yield content
  else yield* content
}

export function putFailed(
  path: string,
  description: string,
  end: Pick<CommandEnd, 'exitCode' | 'stderr'>,
): ProvisionError {
  const because = lastLine(end.stderr)
  return new ProvisionError('guest.command-failed', {
    message: `Could not write ${path} on ${description}: ${because === '' ? `exit code ${end.exitCode}` : because}`,
    hint: 'Look at the path, the `user` and `owner` of the step, and at the space left in the guest.',
    details: { path, exitCode: end.exitCode, stderr: end.stderr.slice(-2_000) },
  })
}

export function getFailed(
  path: string,
  description: string,
  end: Pick<CommandEnd, 'exitCode' | 'stderr'>,
): ProvisionError {
  const because = lastLine(end.stderr)
  if (end.exitCode !== missingExitCode)
    return new ProvisionError('guest.command-failed', {
      message: `Could not read ${path} on ${description}: ${because === '' ? `exit code ${end.exitCode}` : because}`,
      details: { path, exitCode: end.exitCode, stderr: end.stderr.slice(-2_000) },
    })
  return new ProvisionError('guest.file-missing', {
    message: `There is no file ${path} that could be read on ${description}.`,
    details: { path, because },
  })
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''
