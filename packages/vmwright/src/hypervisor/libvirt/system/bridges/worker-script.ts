import { foldersOfRuns } from './run-scripts.ts'

/**
 * The process on the host that changes the network. `$1`: folder of the run, `$2`: its part.
 *
 *     work:   starting → applying → applied → committing → done
 *                            └──────────┴──→ restoring → rolled-back
 *     guard:  watches `work`; finishes for it when it dies, or is late
 *     finish: brings to an end what nobody works on
 *
 * `applied` means that addresses, default routes and gateways are as expected; from then on a file `confirm` decides.
 * The phase that is on the disk decides what a successor does: once it is `restoring`, a confirmation comes too late.
 * Time is that since the start of the host: nobody sets that clock.
 */
export const workerScript = `${foldersOfRuns}
trap '' HUP
folder=$1 part=$2 us=$(printf '\\037')
exec </dev/null >>"$folder/log" 2>&1
say() { read -r up rest </proc/uptime; printf '%s %s\\n' "\${up%.*}" "$*"; }
now() { read -r up rest </proc/uptime; now=\${up%.*}; }
enter() {
  printf '%s\\n' "$*" >"$folder/state.new" && sync "$folder/state.new" 2>/dev/null
  mv -f "$folder/state.new" "$folder/state"
  say "$part: $*"
}

commands() {
  while IFS= read -r line; do
    set -f; IFS=$us; set -- $line; unset IFS; set +f
    duty=$1; shift
    say "+ $*"
    now; left=$((limit - now))
    if [ "$left" -lt 1 ]; then left=1; fi
    timeout -k 5 "$left" "$@" </dev/null && continue
    [ "$duty" = may ] || { reason="$* failed"; return 1; }
  done <"$folder/$1"
}

place() {
  if [ ! -e "$1" ]; then rm -f "$2"; return; fi
  new=\${2%/*}/.\${2##*/}.vmwright
  (umask 022; mkdir -p "\${2%/*}") && cp -p "$1" "$new" || return 1
  case $1 in
    */after-*)
      chmod "$mode" "$new"
      [ ! -e "\${1%/*}/before-$number" ] ||
        { chmod --reference="\${1%/*}/before-$number" "$new"; chown --reference="\${1%/*}/before-$number" "$new"; }
      ;;
  esac
  sync "$new" 2>/dev/null
  mv -f "$new" "$2"
}
files() {
  while IFS=$us read -r number path trial mode; do
    "$1" || { reason="$path or $trial cannot be written"; return 1; }
  done <"$folder/files"
}
try_file() { [ "$trial" = - ] || place "$folder/after-$number" "$trial"; }
keep_file() {
  [ "$path" != - ] && [ "$trial" != "$path" ] || return 0
  place "$folder/after-$number" "$path" || return 1
  [ "$trial" = - ] || rm -f "$trial"
}
# The former content goes back only where this run has put its own.
return_file() {
  [ "$path" != - ] || return 0
  [ "$trial" = - ] || [ "$trial" = "$path" ] || rm -f "$trial"
  if [ -e "$folder/after-$number" ]; then
    ! cmp -s "$folder/after-$number" "$path" || place "$folder/before-$number" "$path"
  elif [ ! -e "$path" ]; then
    place "$folder/before-$number" "$path"
  fi
}

answers() {
  ip "$1" neigh replace "$2" dev "$3" use || ping -c 1 -W 1 -I "$3" "$2" >/dev/null
  ip "$1" neigh show to "$2" dev "$3" | grep -qE 'lladdr .*(REACHABLE|STALE|DELAY|PROBE|PERMANENT)'
}
holds() {
  case $1 in
    port) [ -e "/sys/class/net/$3/brif/$2" ] || reason="$2 is not in $3" ;;
    free) [ -e "/sys/class/net/$2" ] && [ ! -e "/sys/class/net/$2/master" ] || reason="$2 is in a bridge still" ;;
    address)
      ip -o "$2" address show dev "$4" -tentative 2>/dev/null | grep -qF " $3 " || reason="$4 has no address $3" ;;
    route)
      ip "$2" route show default dev "$4" 2>/dev/null | sed 's/$/ /' | grep -qF "via $3 " ||
        reason="$4 has no default route by $3" ;;
    gateway)
      [ "$gateways" = yes ] && [ ! -e "$folder/silent-$3" ] || return 0
      answers "$2" "$3" "$4" 2>/dev/null || reason="the gateway $3 does not answer on $4" ;;
  esac
}
as_expected() {
  reason=
  while IFS=$us read -r kind a b c; do
    holds "$kind" "$a" "$b" "$c"
    [ -z "$reason" ] || return 1
  done <"$folder/$1"
}
expect_until() {
  until as_expected "$1"; do
    now; [ "$now" -lt "$2" ] || return 1
    sleep 0.3
  done
}

commit() {
  now; limit=$((now + 60))
  enter committing
  files keep_file && commands commit || return 1
  case $folder in
    */make) cp "$folder/record" "\${folder%/*}/record.new" && mv -f "\${folder%/*}/record.new" "\${folder%/*}/record" ;;
    *) rm -f "\${folder%/*}/record" ;;
  esac
  sync
  enter 'done'
}
restore() {
  now; limit=$((now + 60)) why=$reason gateways=no
  enter restoring "$why"
  files return_file
  commands restore
  now
  if ! expect_until before $((now + 15)); then
    say "$reason: by hand"
    now; limit=$((now + 60))
    commands by-hand
    as_expected before || why="$why; then $reason"
  fi
  sync
  enter rolled-back "$why"
}

work() {
  echo $$ >"$folder/work.pid"
  seconds=$(cat "$folder/seconds"); now; end=$((now + seconds))
  echo "$end" >"$folder/end"
  setsid sh "$folder/worker" "$folder" guard &
  gateways=yes
  while IFS=$us read -r kind a b c; do
    [ "$kind" = gateway ] || continue
    for turn in 1 2 3 4 5; do
      ! answers "$a" "$b" "$c" || continue 2
      sleep 0.3
    done
    say "gateway $b does not answer now, so it need not later"
    : >"$folder/silent-$b"
  done <"$folder/before"
  enter applying
  limit=$end
  if files try_file && commands apply && expect_until after "$end"; then
    enter applied
    while [ ! -e "$folder/confirm" ]; do
      now; [ "$now" -lt "$end" ] || break
      sleep 0.2
    done
    reason="nobody confirmed over a new connection within $seconds s"
    if [ -e "$folder/confirm" ]; then commit && return; fi
  fi
  restore
}

finish() {
  phase "$folder"
  case $phase in
    done | rolled-back) return ;;
    restoring) restore; return ;;
    committing) commit || restore; return ;;
  esac
  reason=\${reason:-the process that made it ended early}
  if [ "$(cat "$folder/boot")" != "$boot" ]; then
    # The restart has brought what is configured: nothing of the trial, or all that the removal has put back.
    case $folder in */remove) files try_file && commit ;; *) enter rolled-back 'the host was restarted' ;; esac
  elif [ -e "$folder/confirm" ]; then
    commit || restore
  else
    restore
  fi
}

guard() {
  echo $$ >"$folder/guard.pid"
  worker=$(cat "$folder/work.pid") end=$(cat "$folder/end")
  while sleep 0.5; do
    phase "$folder"
    case $phase in done | rolled-back) return ;; esac
    now
    if [ "$now" -gt $((end + 120)) ]; then kill -9 "$worker"; fi
    if ! kill -0 "$worker" 2>/dev/null; then reason=; finish; return; fi
  done
}

"$part"
`
