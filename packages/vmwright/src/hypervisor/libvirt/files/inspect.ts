import { ProvisionError } from '../../../lib/errors.ts'
import type { Progress } from '../../../lib/progress.ts'
import type { HostFile } from '../../host-files.ts'
import { singleQuoted } from '../../../lib/shell.ts'
import type { HostShell } from '../host-shell.ts'

const headBytes = 4096

/**
 * Tells what is at these paths, in one command however many there are. What the output tells of a path is told in
 * blocks of fixed size or in base64, so that any byte may be in names and contents.
 */
export async function inspectFiles(
  shell: HostShell,
  progress: Progress,
  paths: readonly string[],
  options: { readonly sha256: boolean },
): Promise<readonly HostFile[]> {
  if (paths.length === 0) return []
  const pieces: string[] = []
  const { exitCode, stderr } = await shell.run(progress, {
    script: inspectScript,
    arguments: [options.sha256 ? 'yes' : 'no'],
    input: paths.map((path) => `${path}\0`).join(''),
    effect: { kind: 'shell.inspect-files', object: shell.host, mutates: false },
    privileged: true,
    // Not from the kept output, which is cut when there are many.
    onLine: (line, stream) => stream === 'stdout' && pieces.push(line),
  })
  const files = exitCode === 0 ? parseReport(paths, pieces) : undefined
  if (files !== undefined) return files
  throw new ProvisionError('host.operation-failed', {
    message: `Could not look at files on host ${shell.host}: ${stderr.trim().split('\n').at(-1) || `the command ended with ${exitCode}`}`,
    details: { host: shell.host, paths },
  })
}

/**
 * For the paths `$2`, `$3`, …: a line with a letter for each (what it is); one with their real paths; one with the
 * first block of each that can be read; a line of facts for each that exists; a hash for each file if `$1` says so.
 */
const inspectOnce = `
LC_ALL=C; export LC_ALL; hash=$1; shift
kinds=
for path do
  if [ -f "$path" ]; then kind=f; elif [ -d "$path" ]; then kind=d; elif [ -b "$path" ]; then kind=b
  elif [ -e "$path" ]; then kind=o; else kind=m; fi
  case $kind in [fb]) if ! [ -r "$path" ]; then kind=u; fi;; esac
  kinds=$kinds$kind
done
echo "$kinds"
realpath -mz -- "$@" | base64 -w0; echo
for path do
  if [ -r "$path" ] && { [ -f "$path" ] || [ -b "$path" ]; }; then
    if [ -b "$path" ] || [ -s "$path" ]; then dd if="$path" bs=${headBytes} count=1 conv=sync status=none
    else head -c ${headBytes} /dev/zero; fi
  fi
done | base64 -w0; echo
for path do
  if [ -e "$path" ]; then
    stat -L -c '%s %.9Y %i %a' -- "$path" || exit 1
  fi
done
if [ "$hash" = yes ]; then
  for path do if [ -f "$path" ] && [ -r "$path" ]; then sha256sum < "$path" || exit 1; fi; done
fi
`

/** More paths than fit into one command line are done in several rounds. */
const inspectScript = `exec xargs -0 sh -c ${singleQuoted(inspectOnce)} sh "$1"`

const kinds: Readonly<Record<string, HostFile['kind']>> = {
  f: 'file',
  d: 'folder',
  b: 'block-device',
  o: 'other',
  m: 'missing',
  u: 'unreadable',
}

/** `undefined`: the output is not complete. */
export function parseReport(
  paths: readonly string[],
  lines: readonly string[],
): readonly HostFile[] | undefined {
  const files: HostFile[] = []
  let at = 0
  while (files.length < paths.length) {
    const letters = [...(lines[at] ?? '')]
    const round = paths.slice(files.length, files.length + letters.length)
    const realPaths = Buffer.from(lines[at + 1] ?? '', 'base64')
      .toString()
      .split('\0')
    const heads = Buffer.from(lines[at + 2] ?? '', 'base64')
    if (letters.length === 0 || realPaths.length !== letters.length + 1) return undefined
    at += 3
    const facts = letters.map((letter) => (letter === 'm' ? undefined : lines[at++]))
    const isHashed = /^[0-9a-f]{64} /.test(lines[at] ?? '')
    const hashes = letters.map((letter) =>
      letter === 'f' && isHashed ? lines[at++]?.slice(0, 64) : undefined,
    )
    let head = 0
    for (const [index, path] of round.entries()) {
      const letter = letters[index] ?? ''
      const [size = '0', modified = '0.0', inode = '0', mode = '0'] = facts[index]?.split(' ') ?? []
      const hasHead = letter === 'f' || letter === 'b'
      const sizeBytes = Number(size)
      const own = letter === 'f' ? Math.min(sizeBytes, headBytes) : headBytes
      files.push({
        path,
        kind: kinds[letter] ?? 'other',
        realPath: realPaths[index] ?? path,
        sizeBytes,
        modifiedNs: BigInt(modified.replace('.', '')).toString(),
        inode,
        mode: Number.parseInt(mode, 8),
        head: hasHead ? new Uint8Array(heads.subarray(head, head + own)) : new Uint8Array(),
        sha256: hashes[index],
      })
      if (hasHead) head += headBytes
    }
  }
  return files
}
