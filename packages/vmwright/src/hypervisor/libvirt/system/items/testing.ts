import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Progress } from '../../../../lib/progress.ts'
import { runProgram } from '../../../../lib/process.ts'
import { realSeam } from '../../../../lib/seam.ts'
import type { HostShell } from '../../host-shell.ts'

const run = promisify(execFile)

/**
 * This machine over again, to be changed at will: its file system under an overlay in memory, in namespaces of its
 * own. Nothing of it reaches the machine, and all of it is gone with the process.
 */
export interface TestHost extends AsyncDisposable {
  readonly shell: HostShell
  readonly progress: Progress
  /** What a change reports for people. */
  readonly said: readonly string[]
  /** Runs a script as root there; throws when it fails. */
  sh(script: string, ...words: readonly string[]): Promise<string>
  /** The way in, for programs that are to run there. */
  readonly enter: readonly [string, ...string[]]
  /**
   * Files that differ from the machine's own in content, owner or mode, and those that are missing (`- path`), without
   * what every package manager and user tool writes for itself.
   */
  changed(): Promise<readonly string[]>
}

/** There, and only there: a command that finds itself on the machine itself does nothing. */
const marker = '/.vmwright-test-host'
const onlyThere = ['sh', '-c', `[ -e ${marker} ] || exit 97; exec "$@"`, 'sh'] as const

const setUp = `
set -e
mount --make-rprivate /
mount -t tmpfs vmwright-test "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay vmwright-test -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
for folder in proc sys dev; do mount --rbind /$folder "$1/root/$folder"; done
mount -t tmpfs vmwright-test "$1/root/run"
mount -t tmpfs vmwright-test "$1/root/tmp"
chmod 1777 "$1/root/tmp"
[ "$2" = shared ] || ip link set lo up
touch "$1/upper${marker}"
exec chroot "$1/root" sh -c 'echo ready; exec sleep infinity'`

const compare = `
cd "$1/upper"
find . ! -type d | LC_ALL=C sort | while read -r file; do
  case $file in
    ./var/lib/dpkg/* | ./var/lib/apt/* | ./var/lib/swcatalog/* | ./var/cache/* | ./var/log/* | ./etc/*- | ./etc/.pwd.lock | .${marker}) continue ;;
  esac
  if [ -c "$file" ]; then echo "- \${file#.}"; continue; fi
  if ! cmp -s "$file" "/$file" 2>/dev/null ||
    [ "$(stat -c '%a %U %G %F' "$file")" != "$(stat -c '%a %U %G %F' "/$file")" ]; then echo "\${file#.}"; fi
done`

/** Throws where this machine lets nobody do that; see `whyNoTestHost`. */
export async function openTestHost(network: 'own' | 'shared'): Promise<TestHost> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-host-'))
  const namespaces = network === 'own' ? ['-m', '-n'] : ['-m']
  const keeper = spawn('unshare', [...namespaces, 'sh', '-c', setUp, 'sh', folder, network], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const isReady = await Promise.race([
    once(keeper.stdout, 'data').then(() => true),
    once(keeper, 'exit').then(() => false),
  ])
  if (!isReady) throw new Error('no second copy of this machine can be made')
  const outside = ['-t', String(keeper.pid), ...namespaces]
  const enter = ['nsenter', ...outside, '-r', '-w', ...onlyThere] as const
  const said: string[] = []
  return {
    shell: shellIn(enter),
    progress: new Progress(realSeam(), { report: ({ what }) => void said.push(what) }),
    said,
    enter,
    sh: async (script, ...words) =>
      (await run('nsenter', [...enter.slice(1), 'sh', '-ec', script, 'sh', ...words])).stdout,
    async changed() {
      const { stdout } = await run('nsenter', [...outside, 'sh', '-c', compare, 'sh', folder])
      return stdout.split('\n').filter((line) => line !== '')
    },
    async [Symbol.asyncDispose]() {
      const gone = once(keeper, 'exit')
      keeper.kill('SIGKILL')
      await gone
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Why no second copy can be made here; `undefined`: it can. */
export function whyNoTestHost(): string | undefined {
  if (process.getuid?.() !== 0) return 'namespaces and overlays need root'
  const trial = spawnSync('unshare', ['-m', 'sh', '-ec', overlayTrial], { encoding: 'utf8' })
  return trial.status === 0
    ? undefined
    : `this machine lets nobody put an overlay over its file system: ${trial.stderr.trim()}`
}

const overlayTrial = `
mount --make-rprivate /
mount -t tmpfs vmwright-test /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay vmwright-test -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
test -d /mnt/root/etc`

/** Root's shell, by `enter`. */
export function shellIn(enter: readonly [string, ...string[]]): HostShell {
  const commandLine: HostShell['commandLine'] = ({ script, arguments: words = [] }) => [
    ...enter,
    'sh',
    '-c',
    script,
    'sh',
    ...words,
  ]
  return {
    host: 'there',
    isSession: false,
    commandLine,
    run(progress, command) {
      const [program, ...words] = commandLine(command)
      const { input, onLine } = command
      return progress.seam.effect(command.effect, () =>
        runProgram(program, words, {
          signal: progress.signal,
          ...(input === undefined ? {} : { input }),
          ...(onLine === undefined ? {} : { onLine }),
        }),
      )
    },
  }
}
