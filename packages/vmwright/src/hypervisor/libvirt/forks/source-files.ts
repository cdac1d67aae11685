import { ProvisionError } from '../../../lib/errors.ts'
import type { Progress } from '../../../lib/progress.ts'
import type { HostAccess } from '../clone-disk.ts'

/** What a source is on its host, apart from the files. Written last: a source without it is not complete. */
export interface SourceRecord {
  readonly version: 1
  readonly name: string
  readonly project: string
  readonly vm: string
  readonly snapshot: string | undefined
  readonly createdAtMs: number
  readonly memory: { readonly block: string; readonly sizeBytes: number }
  /** File with the variables of the firmware. */
  readonly variables: string | undefined
  readonly disks: readonly { readonly device: string; readonly path: string; readonly format: string }[]
  /** The domain as it ran, for the forks' saved states, and what libvirt has to know beyond it. */
  readonly running: string
  readonly cookie: string | undefined
  /** The domain for their next starts. */
  readonly definition: string
}

/** All files of a source begin with its name, `.fork`, and lie in the pool's folder. */
export const sourceFiles = (folder: string, name: string) =>
  ({
    prefix: `${folder}/${name}.fork`,
    record: `${folder}/${name}.fork.json`,
    memory: `${folder}/${name}.fork-memory.raw`,
    stream: `${folder}/${name}.fork-stream`,
    variables: `${folder}/${name}.fork-variables.fd`,
    disk: (device: string, format: string) => `${folder}/${name}.fork-${device}.${format}`,
  }) as const

/** For the time of the making. */
export const workFiles = (folder: string, name: string) =>
  ({ saved: `${folder}/${name}.fork-saved`, state: `${folder}/${name}.fork-state` }) as const

export const forkState = (folder: string, fork: string): string => `${folder}/${fork}.fork-start`

/** Runs a script as root on the host. Throws `pool.full`, `host.operation-failed` with what it said last. */
export async function onHost(
  { shell }: HostAccess,
  progress: Progress,
  what: { readonly doing: string; readonly object: string; readonly kind: string; readonly mutates: boolean },
  script: string,
  words: readonly string[],
  input?: Uint8Array,
): Promise<string> {
  const { exitCode, stdout, stderr } = await shell.run(progress, {
    script: `LC_ALL=C; export LC_ALL; set -e; umask 077\n${script}`,
    arguments: words,
    ...(input === undefined ? {} : { input }),
    effect: { kind: `shell.${what.kind}`, object: what.object, mutates: what.mutates },
    privileged: true,
  })
  if (exitCode === 0) return stdout
  const said = stderr.trim().split('\n').at(-1) ?? ''
  const isFull = said.endsWith('No space left on device')
  throw new ProvisionError(isFull ? 'pool.full' : 'host.operation-failed', {
    message: `Could not ${what.doing} on host ${shell.host}: ${said}`,
    details: { host: shell.host, object: what.object, exitCode },
  })
}

/** A part of a file, at most 128 KiB. */
export async function readPart(
  host: HostAccess,
  progress: Progress,
  path: string,
  from: number,
  count: number,
): Promise<Uint8Array> {
  const what = { doing: `read ${path}`, object: path, kind: 'readPart', mutates: false }
  const script = 'tail -c "+$2" -- "$1" | head -c "$3" | base64'
  return Buffer.from(
    await onHost(host, progress, what, script, [path, String(from + 1), String(count)]),
    'base64',
  )
}

/** The sources whose records lie in a folder, with what their files take. One that cannot be read is left out. */
export async function readRecords(
  host: HostAccess,
  progress: Progress,
  folder: string,
): Promise<readonly { readonly record: SourceRecord; readonly sizeBytes: number }[]> {
  const what = {
    doing: `look for sources of forks in ${folder}`,
    object: folder,
    kind: 'readSources',
    mutates: false,
  }
  const script = `for file in "$1"/*.fork.json; do
  [ -f "$file" ] || continue
  du -ck -- "\${file%.json}"* | tail -n 1 | cut -f 1 | tr '\\n' ' '
  base64 -w 0 -- "$file"
  echo
done`
  const lines = (await onHost(host, progress, what, script, [folder]))
    .split('\n')
    .filter((line) => line !== '')
  return lines.flatMap((line) => {
    const [kib = '0', text = ''] = line.split(' ')
    try {
      const record = JSON.parse(Buffer.from(text, 'base64').toString('utf8')) as Partial<SourceRecord>
      // Only what this version wrote is known to have the rest.
      return record.version === 1 ? [{ record: record as SourceRecord, sizeBytes: Number(kib) * 1024 }] : []
    } catch {
      return []
    }
  })
}
