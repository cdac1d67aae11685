import type { GuestChannel } from '../../guest/channel.ts'

/** What vmwright says itself in a guest: constant texts, values come as arguments. */
export interface GuestWords {
  /** Makes the folder `$1`. */
  readonly makeFolder: string
  /** Ends with 0 when `$1` is there. */
  readonly exists: string
  /** Ends with 0 when a TCP server listens at the port `$1`, which is also `$2` in four hexadecimal digits. */
  readonly listens: string
  /** All files that the pattern `$1` leads to, each ended by NUL. */
  readonly list: string
  /** What is another one after each start. */
  readonly bootId: string
  /** Comes back at once, and restarts a little later. */
  readonly reboot: string
  /** Runs the words after `$1` and removes the file `$1`. */
  readonly runAndRemove: string
  /** Folder for files that do not stay. */
  readonly temporary: string
}

const posix: GuestWords = {
  makeFolder: 'mkdir -p -- "$1"',
  exists: '[ -e "$1" ]',
  // proc(5), /proc/net/tcp: 0A is LISTEN.
  listens:
    'cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -Eqi "^ *[0-9]+: [0-9A-F]+:$2 [0-9A-F]+:0000 0A "',
  // With an empty IFS the pattern is expanded and not split at spaces.
  list: `IFS=
for found in $1; do
  if [ -d "$found" ]; then find "$found" -type f -print0
  elif [ -e "$found" ]; then printf '%s\\000' "$found"
  fi
done`,
  bootId: 'cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.boottime',
  reboot: `nohup sh -c 'sleep 1; systemctl reboot || reboot || shutdown -r now' </dev/null >/dev/null 2>&1 &`,
  runAndRemove: `file=$1
shift
trap 'rm -f -- "$file"' EXIT
trap 'exit 129' HUP
trap 'exit 143' TERM
code=0
"$@" || code=$?
exit "$code"`,
  temporary: '/tmp/',
}

const windows: GuestWords = {
  makeFolder: 'New-Item -ItemType Directory -Force -Path $args[0] | Out-Null',
  exists: 'if (-not (Test-Path -LiteralPath $args[0])) { exit 1 }',
  listens:
    'if (-not (Get-NetTCPConnection -State Listen -LocalPort $args[0] -ErrorAction SilentlyContinue)) { exit 1 }',
  list: `Get-Item -Path $args[0] -ErrorAction SilentlyContinue | ForEach-Object {
  if ($_.PSIsContainer) { Get-ChildItem -LiteralPath $_.FullName -Recurse -File } else { $_ }
} | ForEach-Object { [Console]::Out.Write($_.FullName + [char]0) }`,
  bootId: '(Get-CimInstance Win32_OperatingSystem).LastBootUpTime.ToFileTimeUtc()',
  reboot: 'shutdown.exe /r /t 1',
  runAndRemove: `$file, $command, $rest = $args
try { & $command @rest; exit $LASTEXITCODE } finally { Remove-Item -LiteralPath $file }`,
  temporary: String.raw`C:\Windows\Temp` + '\\',
}

export const wordsFor = (channel: GuestChannel): GuestWords => (channel.kind === 'winrm' ? windows : posix)
