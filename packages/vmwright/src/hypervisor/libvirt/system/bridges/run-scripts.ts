/**
 * What all scripts share: where runs are, and which of them go on. A run is a folder `make` or `remove` below that of
 * its bridge, with `state` (a phase, then a reason), the start of the host it belongs to, the processes that work on
 * it, and a log. `live`: somebody works on it; `stale`: it has not ended and nobody does.
 */
export const foldersOfRuns = `
export LC_ALL=C PATH="\${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin"
umask 077
cd /
base=/var/lib/vmwright/bridges
boot=$(cat /proc/sys/kernel/random/boot_id)
phase() { read -r phase reason <"$1/state"; }
is_live() {
  [ "$(cat "$1/boot" 2>/dev/null)" = "$boot" ] || return 1
  for pid in $(cat "$1/work.pid" "$1/guard.pid" 2>/dev/null); do
    ! tr '\\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$1/worker" || return 0
  done
  return 1
}
runs() {
  for each in "$base"/*/make "$base"/*/remove; do
    [ -f "$each/state" ] || continue
    phase "$each"
    case $phase in done | rolled-back) continue ;; esac
    if is_live "$each"; then echo "live $each"; else echo "stale $each"; fi
  done
}
`

/**
 * Begins a run and ends at once. `$1`: bridge, `$2`: `make` or `remove`. Standard input: a file name and its content
 * in base64 a line. Output: `started`; `live FOLDER` or `stale FOLDER` where another run has to end first;
 * `changed FILE`: it is not as it was when the change was thought out; `lacking TOOL`.
 *
 * With systemd the worker is a unit of its own, because the end of a login may end what was begun in it; what it
 * starts, a DHCP client for example, outlives it (`KillMode=process`).
 */
export const launchScript = `${foldersOfRuns}
for tool in ip timeout setsid flock cmp sync; do
  command -v $tool >/dev/null || { echo "lacking $tool"; exit 0; }
done
folder=$base/$1/$2
mkdir -p "$base/$1" && exec 9>"$base/lock" && flock 9 || exit 1
others=$(runs)
if [ -n "$others" ]; then printf '%s\\n' "$others"; exit 0; fi
rm -rf "$folder" && mkdir "$folder" || exit 1
while read -r file data; do
  printf %s "$data" | base64 -d >"$folder/$file" || exit 1
done
us=$(printf '\\037')
while IFS=$us read -r number path trial mode; do
  [ "$path" != - ] || continue
  if [ -e "$folder/before-$number" ]; then
    cmp -s "$folder/before-$number" "$path" || { echo "changed $path"; exit 0; }
    cp -p "$path" "$folder/before-$number" || exit 1
    former=$base/$1/make/before-$number
    if [ "$2" = remove ] && cmp -s "$former" "$folder/after-$number"; then cp -p "$former" "$folder/after-$number"; fi
  elif [ -e "$path" ]; then
    echo "changed $path"; exit 0
  fi
done <"$folder/files"
echo "$boot" >"$folder/boot"
echo starting >"$folder/state"
sync
set -- sh "$folder/worker" "$folder" work
[ -d /run/systemd/system ] && systemd-run --quiet --collect --unit="vmwright-bridge-$(cat "$folder/id")" \\
  --property=KillMode=process "$@" </dev/null >>"$folder/log" 2>&1 9>&- ||
  setsid "$@" </dev/null >>"$folder/log" 2>&1 9>&- &
for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  if [ -s "$folder/guard.pid" ]; then echo started; exit 0; fi
  sleep 0.25
done
echo 'the worker did not start' >&2
exit 1`

/**
 * How a run goes, and the confirmation: that this was asked is the proof that the host is reachable. `$1`: bridge,
 * `$2`: `make` or `remove`, `$3`: id of the run. Output: `phase reason`, then the end of the log.
 */
export const askScript = `${foldersOfRuns}
folder=$base/$1/$2
if [ "$(cat "$folder/id" 2>/dev/null)" != "$3" ]; then echo gone; exit 0; fi
phase "$folder"
if [ "$phase" = applied ]; then : >"$folder/confirm"; fi
echo "$phase $reason"
tail -n 40 "$folder/log" 2>/dev/null
exit 0`

/** Ends the runs that nobody works on: to their old state, or to the new one where it was confirmed. */
export const settleScript = `${foldersOfRuns}
[ -d "$base" ] && exec 9>"$base/lock" && flock 9 || exit 0
runs | while read -r kind folder; do
  [ "$kind" = live ] || sh "$folder/worker" "$folder" finish </dev/null >>"$folder/log" 2>&1 9>&-
done
runs`

/** Forgets the bridge `$1`, and what was kept for all when it was the last. */
export const forgetScript = `${foldersOfRuns}
rm -rf "$base/$1"
rm -f "$base/lock"
rmdir "$base" "\${base%/*}" 2>/dev/null
exit 0`
